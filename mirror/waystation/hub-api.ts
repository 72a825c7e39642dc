import type { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { errorCatalogue, WaystationError } from '../../base/errors.ts';
import type { ErrorCode } from '../../base/errors.ts';
import { parseRetryAfter } from '../../http/freshness.ts';
import { ApiClient } from '../../origin/api-client.ts';
import type { ApiAnswer, ApiClientOptions } from '../../origin/api-client.ts';
import { shownUrl } from '../../origin/shown-url.ts';
import { assignmentAnswer } from '../../protocol/assignment.ts';
import type { AssignmentAnswer } from '../../protocol/assignment.ts';
import type { Heartbeat } from '../../protocol/heartbeat.ts';
import { popCredentials } from '../../protocol/registration.ts';
import type { PopCredentials, RegistrationRequest } from '../../protocol/registration.ts';

export interface HubApiOptions extends Omit<ApiClientOptions, 'advice'> {
  /** Base URL of the hub. */
  readonly url: string;
  readonly clock: Clock;
}

/** What an answer to `assignment` is: null, nothing changed. */
export interface Told {
  readonly answer: AssignmentAnswer | null;
  readonly etag: string | null;
}

/** Milliseconds until the head of an answer, over what the hub was asked to wait. */
const headWithin = 20_000;
/** Bytes. */
const small = 1024 * 1024;
const largestManifest = 64 * 1024 * 1024;
/** Seconds. */
const longestRetryAfter = 3600;

const advice = {
  untrusted: 'it is not of the authority that this PoP registered at; `waystation register` with a new token',
  refused: 'register again with a new token',
};

/** The requests of docs/hub-protocol.md, by one identity or, for a registration, by none. */
export class HubApi {
  readonly #base: string;
  readonly #client: ApiClient;
  readonly #clock: Clock;
  /** Milliseconds that the hub's clock is ahead of ours, as its last answer had it. */
  #ahead = 0;

  constructor(options: HubApiOptions) {
    this.#base = options.url.replace(/\/+$/, '');
    this.#clock = options.clock;
    this.#client = new ApiClient({ ...options, advice });
  }

  /** What time it is by the hub's clock, as far as is known. Milliseconds since the epoch. */
  now(): number {
    return this.#clock.now() + this.#ahead;
  }

  /** @throws WaystationError `token_refused`, `pop_name_taken`, `rate_limited`, `upstream_*` */
  async register(request: RegistrationRequest, signal: AbortSignal): Promise<PopCredentials> {
    return this.#read(await this.#ask('POST', '/v1/registrations', { body: request }, signal), popCredentials);
  }

  /** @throws WaystationError `certificate_refused`, `upstream_*` */
  async renew(csr: string, signal: AbortSignal): Promise<PopCredentials> {
    return this.#read(await this.#ask('POST', '/v1/renewals', { body: { csr } }, signal), popCredentials);
  }

  /**
   * @param known the ETag of what is known; null: nothing is.
   * @param wait seconds that the hub may take until something changes.
   * @throws WaystationError `certificate_refused`, `upstream_*`
   */
  async assignment(known: string | null, wait: number, signal: AbortSignal): Promise<Told> {
    const headers = {
      ...(known === null ? {} : { 'if-none-match': known }),
      ...(wait === 0 ? {} : { prefer: `wait=${wait}` }),
    };
    const answer = await this.#ask('GET', '/v1/assignment', { headers, wait }, signal);
    if (answer.status === 304 && known !== null) return { answer: null, etag: known };
    const etag = [answer.headers['etag'] ?? []].flat()[0] ?? null;
    return { answer: this.#read(answer, assignmentAnswer), etag };
  }

  /** The signed manifest of a snapshot. @throws WaystationError `not_found`, … */
  async snapshot(name: string, signal: AbortSignal): Promise<string> {
    const path = `/v1/snapshots/${encodeURIComponent(name)}`;
    const headers = { accept: 'application/jose' };
    return (await this.#ask('GET', path, { headers, most: largestManifest }, signal)).text;
  }

  async heartbeat(body: Heartbeat, signal: AbortSignal): Promise<void> {
    await this.#ask('POST', '/v1/heartbeats', { body }, signal);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #ask(
    method: 'GET' | 'POST',
    path: string,
    asked: { body?: unknown; headers?: Record<string, string>; wait?: number; most?: number },
    signal: AbortSignal,
  ): Promise<ApiAnswer> {
    const { body, headers = {}, wait = 0, most = small } = asked;
    const question = {
      method,
      url: new URL(this.#base + path),
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headWithin: headWithin + wait * 1000,
      most,
    };
    const answer = await this.#client.ask(question, signal);
    const date = Date.parse([answer.headers['date'] ?? ''].flat()[0] ?? '');
    if (!Number.isNaN(date)) this.#ahead = date - this.#clock.now();
    if (answer.status < 300 || answer.status === 304) return answer;
    throw this.#refusal(question.url, answer);
  }

  #read<Schema extends z.ZodType>({ text }: ApiAnswer, schema: Schema): z.output<Schema> {
    const read = schema.safeParse(parsed(text));
    if (read.success) return read.data;
    const where = read.error.issues[0]?.path.join('.') ?? '';
    throw new WaystationError('upstream_lied', `${shownUrl(this.#base)} answers what is no answer: ${where}`);
  }

  /** What the hub said, by its own code where that is one of those that PoPs know. */
  #refusal(url: URL, { status, headers, text }: ApiAnswer): WaystationError {
    const { code, detail } = (parsed(text) ?? {}) as { code?: unknown; detail?: unknown };
    const seconds = parseRetryAfter([headers['retry-after'] ?? []].flat()[0], this.#clock.now(), longestRetryAfter);
    const reason = typeof detail === 'string' ? detail.slice(0, 500) : `it answers ${status}`;
    const known: ErrorCode =
      typeof code === 'string' && said.has(code) && Object.hasOwn(errorCatalogue, code)
        ? (code as ErrorCode)
        : status === 404
          ? 'upstream_missing'
          : 'upstream_status';
    return new WaystationError(known, `${shownUrl(url)}: ${reason}`, { retryAfter: seconds });
  }
}

/** What a hub tells a PoP of the PoP itself; anything else is a fault of the hub. */
const said: ReadonlySet<string> = new Set([
  'token_refused',
  'pop_name_taken',
  'pop_unknown',
  'certificate_refused',
  'rate_limited',
]);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
