/** Where a failure comes from: who has to act. */
export type ErrorSource = 'client' | 'origin' | 'disk' | 'hub' | 'config' | 'internal';

/**
 * Every error code that leaves the process, with its source and whether the same request may succeed later.
 * `docs/errors.md` has a line for each; a test compares the two.
 */
export const errorCatalogue = {
  bad_path: ['client', false],
  bad_request: ['client', false],
  body_too_large: ['client', false],
  method_not_allowed: ['client', false],
  range_not_satisfiable: ['client', false],
  not_found: ['client', false],
  unauthorized: ['client', false],
  denied: ['client', false],
  guarded_at_hub: ['client', false],
  repository_pending: ['hub', true],
  draining: ['internal', true],
  too_many_readers: ['internal', true],
  upstream_unreachable: ['origin', true],
  upstream_timeout: ['origin', true],
  upstream_cut: ['origin', true],
  upstream_status: ['origin', true],
  upstream_unauthorized: ['origin', true],
  upstream_missing: ['origin', true],
  upstream_lied: ['origin', true],
  upstream_redirect: ['origin', true],
  upstream_too_large: ['origin', true],
  upstream_breaker_open: ['origin', true],
  repomd_invalid: ['origin', true],
  metadata_invalid: ['origin', true],
  metadata_too_large: ['origin', true],
  record_mismatch: ['origin', true],
  signature_missing: ['origin', true],
  signature_invalid: ['origin', true],
  key_unusable: ['config', false],
  mirror_list_invalid: ['origin', true],
  path_taken: ['config', true],
  does_not_fit: ['config', true],
  disk_full: ['disk', true],
  disk_read_only: ['disk', true],
  disk_failing: ['disk', true],
  blob_damaged: ['disk', true],
  state_locked: ['disk', true],
  state_format_unknown: ['disk', false],
  state_unusable: ['disk', false],
  untrusted: ['hub', true],
  replayed: ['hub', true],
  epoch_changed: ['hub', true],
  not_registered: ['config', true],
  token_refused: ['client', false],
  pop_name_taken: ['client', false],
  pop_unknown: ['hub', false],
  token_unknown: ['hub', false],
  certificate_refused: ['hub', false],
  channel_not_assigned: ['hub', true],
  rate_limited: ['client', true],
  unknown_snapshot: ['client', false],
  snapshot_exists: ['client', false],
  snapshot_in_use: ['client', false],
  unknown_channel: ['client', false],
  store_busy: ['disk', true],
  store_damaged: ['disk', false],
  store_format_unknown: ['disk', false],
  listen_failed: ['config', false],
  config_invalid: ['config', false],
  secret_unreadable: ['config', true],
  not_built: ['config', false],
  unknown_subscription: ['client', false],
  unknown_generation: ['client', false],
  nothing_older: ['client', false],
  import_unreadable: ['client', true],
  nothing_listed: ['hub', true],
  gates_failed: ['client', false],
  solver_missing: ['config', true],
  solver_failed: ['internal', true],
  service_not_running: ['client', true],
  cancelled: ['internal', true],
  internal: ['internal', false],
} as const satisfies Record<string, readonly [ErrorSource, boolean]>;

export type ErrorCode = keyof typeof errorCatalogue;

/** The one error class. Messages name the path or URL, never credentials. Absence is a value, not an error. */
export class WaystationError extends Error {
  override readonly name = 'WaystationError';
  readonly code: ErrorCode;
  /** Seconds after which a retry makes sense, when the failing side said so. */
  readonly retryAfter: number | null;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryAfter?: number | null } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfter = options.retryAfter ?? null;
  }

  get source(): ErrorSource {
    return errorCatalogue[this.code][0];
  }

  get retryable(): boolean {
    return errorCatalogue[this.code][1];
  }
}

/** Any thrown value as a WaystationError: itself, or `internal` with it as the cause. */
export function asWaystationError(thrown: unknown): WaystationError {
  if (thrown instanceof WaystationError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new WaystationError('internal', message, { cause: thrown });
}

/** The system error code (`ENOSPC`, `ECONNRESET`, …) of a thrown value, or of its cause; null when it has none. */
export function systemCode(thrown: unknown): string | null {
  for (let error: unknown = thrown; error instanceof Error; error = error.cause) {
    const code = (error as NodeJS.ErrnoException).code;
    if (typeof code === 'string' && !(error instanceof WaystationError)) return code;
  }
  return null;
}

/** Ends the process on a broken invariant by throwing: never caught, so systemd restarts and recovery runs. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}
