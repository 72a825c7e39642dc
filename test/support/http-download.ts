import { request, type Agent, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

export interface DownloadOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: a connection of its own. */
  readonly agent?: Agent;
}

/** An answer, read to its end. */
export interface Downloaded {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** False when the connection ended before the body was whole. */
  readonly complete: boolean;
  /** Milliseconds from the request to the end. */
  readonly took: number;
  /** The outcome as Cache-Status tells it: the detail, else `hit` or `miss`; null without that header. */
  readonly word: string | null;
}

/** A request under way. */
export class Download {
  /** Resolves with the head; rejects when the connection ends before. */
  readonly head: Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders }>;
  readonly done: Promise<Downloaded>;
  readonly #chunks: Buffer[] = [];
  readonly #leave: () => void;
  #received = 0;
  #firstByte: number | null = null;
  #over = false;
  #wake: () => void = () => {};

  /** @param path goes over the wire as it stands: nothing is encoded or normalised. */
  constructor(base: string, path: string, options: DownloadOptions = {}) {
    const { hostname, port } = new URL(base);
    const started = performance.now();
    const { agent = false, method = 'GET', headers = {} } = options;
    const outgoing = request({ hostname, port, path, method, headers, agent });
    this.#leave = () => void outgoing.destroy();
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    outgoing.once('response', resolve).on('error', reject).end();
    this.head = promise.then(({ statusCode = 0, headers: received }) => ({ status: statusCode, headers: received }));
    this.head.catch(() => {});
    this.done = promise.then((response) => this.#read(response, started));
    const end = (): void => {
      this.#over = true;
      this.#wake();
    };
    this.done.then(end, end);
  }

  /** Body bytes so far. */
  get received(): number {
    return this.#received;
  }

  /** Milliseconds from the request to the first byte of the body; null before it came. */
  get firstByte(): number | null {
    return this.#firstByte;
  }

  /** Resolves once so many body bytes have come, or the answer has ended. */
  async until(bytes: number): Promise<void> {
    while (this.#received < bytes && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Goes away in the midst of it. */
  leave(): void {
    this.#leave();
  }

  async #read(response: IncomingMessage, started: number): Promise<Downloaded> {
    try {
      for await (const chunk of response) {
        this.#firstByte ??= performance.now() - started;
        this.#chunks.push(chunk as Buffer);
        this.#received += (chunk as Buffer).length;
        this.#wake();
      }
    } catch {
      // Cut: `complete` tells.
    }
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: Buffer.concat(this.#chunks),
      complete: response.complete,
      took: performance.now() - started,
      word: outcomeWord(response.headers),
    };
  }
}

/** Asks and reads to the end. */
export function download(base: string, path: string, options: DownloadOptions = {}): Promise<Downloaded> {
  return new Download(base, path, options).done;
}

function outcomeWord(headers: IncomingHttpHeaders): string | null {
  const value = headers['cache-status'];
  if (typeof value !== 'string') return null;
  const detail = /detail=([a-z-]+)/.exec(value)?.[1];
  if (detail !== undefined) return detail;
  return /; hit/.test(value) ? 'hit' : 'miss';
}
