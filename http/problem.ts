import type { ErrorCode, WaystationError } from '../base/errors.ts';

/**
 * The one mapping from error code to status. 504: it exists, it is not held, and no source could give it. 503: this
 * server cannot answer now. 404 is proven absence only.
 */
export const statusOf: Readonly<Record<ErrorCode, number>> = {
  bad_path: 400,
  bad_request: 400,
  body_too_large: 413,
  method_not_allowed: 405,
  range_not_satisfiable: 416,
  not_found: 404,
  unauthorized: 401,
  denied: 403,
  guarded_at_hub: 403,
  repository_pending: 503,
  draining: 503,
  too_many_readers: 503,
  upstream_unreachable: 504,
  upstream_timeout: 504,
  upstream_cut: 504,
  upstream_status: 504,
  upstream_unauthorized: 504,
  upstream_missing: 504,
  upstream_lied: 504,
  upstream_redirect: 504,
  upstream_too_large: 504,
  upstream_breaker_open: 504,
  repomd_invalid: 504,
  metadata_invalid: 504,
  metadata_too_large: 504,
  record_mismatch: 504,
  signature_missing: 504,
  signature_invalid: 504,
  key_unusable: 503,
  mirror_list_invalid: 504,
  path_taken: 503,
  does_not_fit: 503,
  disk_full: 503,
  disk_read_only: 503,
  disk_failing: 503,
  blob_damaged: 503,
  state_locked: 503,
  state_format_unknown: 503,
  state_unusable: 503,
  untrusted: 504,
  replayed: 504,
  epoch_changed: 504,
  not_registered: 503,
  token_refused: 403,
  pop_name_taken: 409,
  pop_unknown: 404,
  token_unknown: 404,
  certificate_refused: 403,
  channel_not_assigned: 503,
  rate_limited: 429,
  unknown_snapshot: 404,
  snapshot_exists: 409,
  snapshot_in_use: 409,
  unknown_channel: 404,
  store_busy: 503,
  store_damaged: 503,
  store_format_unknown: 503,
  listen_failed: 500,
  config_invalid: 500,
  secret_unreadable: 503,
  not_built: 501,
  unknown_subscription: 404,
  unknown_generation: 404,
  nothing_older: 409,
  import_unreadable: 400,
  nothing_listed: 503,
  gates_failed: 409,
  solver_missing: 501,
  solver_failed: 500,
  service_not_running: 503,
  cancelled: 503,
  internal: 500,
};

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  416: 'Range Not Satisfiable',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** Seconds, where the failing side named none: short enough to heal with the link, long enough not to be a storm. */
const defaultRetryAfter = 10;

/** An error as an answer (RFC 9457), ready to be written. */
export interface Problem {
  readonly status: number;
  /** All but Content-Length; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON: `{ type, title, status, code, detail, instance }`. */
  readonly body: string;
}

/**
 * Makes the answer for an error. What goes wrong on this machine (disk, config, internal) is named by its code alone:
 * its message may hold local paths and belongs into the log.
 * @param instance the request's path as it came, or null.
 */
export function problemOf(error: WaystationError, instance: string | null): Problem {
  const status = statusOf[error.code];
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' };
  if (status === 429 || status === 503 || status === 504) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(error.retryAfter ?? defaultRetryAfter)));
  }
  // RFC 9110 §11.6.1: a 401 says how to show who one is.
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  if (status === 405) headers['allow'] = 'GET, HEAD';
  const body = JSON.stringify({
    type: 'about:blank',
    title: titles[status],
    status,
    code: error.code,
    detail: isForClients(error) ? error.message : 'The reason is in the log of this server.',
    ...(instance === null ? {} : { instance }),
  });
  return { status, headers, body: `${body}\n` };
}

function isForClients(error: WaystationError): boolean {
  const said: readonly ErrorCode[] = ['draining', 'too_many_readers'];
  return ['client', 'origin', 'hub'].includes(error.source) || said.includes(error.code);
}
