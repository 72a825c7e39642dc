import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Outcome } from '../base/outcome.ts';

/** One request and its answer, with what the log will say of them. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** As it came, without the query: that may carry tokens, and is part of no key. */
  readonly target: string;
  /** Monotonic milliseconds. */
  readonly started: number;
  readonly client: string | null;
  /** What the head said; the log may have to say `aborted` or `error`. */
  outcome: Outcome = 'error';
  /** Body bytes that left, where they were counted. */
  #sent: number | null = null;
  #cut = false;
  #sending = false;
  #settled: (() => void) | null = null;

  constructor(request: IncomingMessage, response: ServerResponse, started: number) {
    this.request = request;
    this.target = withoutQuery(request.url ?? '');
    this.response = response;
    this.started = started;
    // Gone once the connection is closed.
    this.client = request.socket.remoteAddress ?? null;
  }

  /** A body is being written by somebody who will say how it ended: the request is not over before that. */
  sending(): void {
    this.#sending = true;
  }

  /** Calls back once it is known how the body ended. */
  whenSettled(settled: () => void): void {
    if (this.#sending) this.#settled = settled;
    else settled();
  }

  /** The body ended: `cut` when its source failed under it. */
  ended(bytes: number, cut: boolean): void {
    this.#sent = bytes;
    this.#cut = cut;
    this.#sending = false;
    this.#settled?.();
    this.#settled = null;
  }

  finalOutcome(): Outcome {
    if (this.#cut) return 'error';
    return this.response.writableFinished ? this.outcome : 'aborted';
  }

  bodyBytes(): number {
    if (this.#sent !== null) return this.#sent;
    if (!this.response.writableFinished || this.request.method === 'HEAD' || !hasBody(this.response.statusCode))
      return 0;
    return Number(this.response.getHeader('content-length') ?? 0);
  }
}

function hasBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304;
}

function withoutQuery(url: string): string {
  const mark = url.indexOf('?');
  return mark < 0 ? url : url.slice(0, mark);
}
