import type { Clock } from '../../base/clock.ts';
import { evaluatePreconditions } from '../../http/conditionals.ts';
import type { Visit } from './accounts.ts';
import { Changes } from './changes.ts';
import type { Callers } from './callers.ts';
import type { Fleet } from './ports.ts';

/** Seconds that a request may wait at most. */
const longest = 60;

/** `GET /v1/assignment`: answers at once, or when it is another one than the PoP has. */
export class AssignmentPolls {
  readonly #fleet: Pick<Fleet, 'assignment'>;
  readonly #callers: Callers;
  readonly #clock: Clock;
  readonly #changes = new Changes();
  readonly #forget: () => void;
  #closed = false;

  constructor({
    fleet,
    callers,
    clock,
  }: {
    fleet: Pick<Fleet, 'assignment' | 'onChange'>;
    callers: Callers;
    clock: Clock;
  }) {
    this.#fleet = fleet;
    this.#callers = callers;
    this.#clock = clock;
    this.#forget = fleet.onChange(() => this.#changes.happened());
  }

  /** Requests that wait now. */
  get waiting(): number {
    return this.#changes.waiting;
  }

  /** Whoever waits is answered with what he has, and nobody waits any more. */
  close(): void {
    this.#closed = true;
    this.#forget();
    this.#changes.happened();
  }

  /** @throws WaystationError `certificate_refused`, also when that comes to be the case while the request waits. */
  async serve({ exchange, pop: caller }: Visit): Promise<void> {
    const { request, response } = exchange;
    const until = this.#clock.monotonic() + secondsAsked(request.headers.prefer) * 1_000;
    for (let pop = caller ?? (await this.#callers.identify(request)); ; pop = await this.#callers.identify(request)) {
      const { count } = this.#changes;
      const { answer, version } = await this.#fleet.assignment(pop);
      const etag = `"${version}"`;
      const headers = { etag, 'cache-control': 'private, no-cache', 'x-content-type-options': 'nosniff' };
      if (response.destroyed) return;
      exchange.outcome = 'local';
      if (evaluatePreconditions('GET', request.headers, { etag, lastModified: null }).kind === 'proceed') {
        const body = JSON.stringify(answer);
        const length = String(Buffer.byteLength(body));
        response.writeHead(200, { ...headers, 'content-type': 'application/json', 'content-length': length }).end(body);
        return;
      }
      const left = until - this.#clock.monotonic();
      if (this.#closed || left <= 0 || !(await this.#changes.after(count, left, response))) {
        if (!response.destroyed) response.writeHead(304, headers).end();
        return;
      }
    }
  }
}

/** What `Prefer: wait=SECONDS` asks for (RFC 7240 §4.3), at most a minute; 0 without it. */
export function secondsAsked(prefer: string | string[] | undefined): number {
  const text = Array.isArray(prefer) ? prefer.join(',') : (prefer ?? '');
  const found = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;[^,]*)?(?:,|$)/i.exec(text);
  return Math.min(longest, Number(found?.[1] ?? 0));
}
