import { parseHttpDate } from '../http/http-date.ts';
import { systemCode, WaystationError } from '../base/errors.ts';
import { ApiConnections } from './api-connections.ts';
import { transferFailure } from './failure.ts';
import type { Stage } from './failure.ts';
import type { Health } from './health.ts';
import { Credentials } from './identity.ts';
import type { Identity } from './identity.ts';
import { NeighbourGuard } from './neighbour-guard.ts';
import { shownUrl } from './shown-url.ts';
import type { Traffic } from './traffic.ts';

export interface ApiClientOptions {
  readonly identity: Identity;
  /** Of this program, for User-Agent. */
  readonly version: string;
  readonly health: Health;
  readonly traffic: Traffic;
  /** What an operator can do when the two sides do not agree in the handshake; put behind the reason. */
  readonly advice: { readonly untrusted: string; readonly refused: string };
}

/** One question to an API. */
export interface ApiQuestion {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** Beside those that each request has. Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: string;
  /** Milliseconds until the head of the answer. */
  readonly headWithin: number;
  /** Bytes that the answer may have. */
  readonly most: number;
}

export interface ApiAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Milliseconds. */
const betweenChunks = 15_000;

/** Questions to a hub's API over the connections of one identity. Answers are whole, small, and not redirected. */
export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #connections: ApiConnections;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.#connections = new ApiConnections(options.identity, new Credentials(options.identity), new NeighbourGuard());
  }

  /**
   * @returns whatever the hub answers.
   * @throws WaystationError when no whole answer came; the signal's reason.
   */
  async ask({ method, url, headers, body, headWithin, most }: ApiQuestion, signal: AbortSignal): Promise<ApiAnswer> {
    const where = shownUrl(url);
    let stage: Stage = 'head';
    try {
      const route = await this.#connections.route(url, `${url.pathname}${url.search}`);
      const answer = await route.dispatcher.request({
        origin: route.origin,
        path: route.path,
        method,
        headers: {
          'user-agent': `waystation/${this.#options.version}`,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
          ...route.headers,
        },
        body: body ?? null,
        signal,
        headersTimeout: headWithin,
        bodyTimeout: betweenChunks,
      });
      stage = 'body';
      this.#options.health.of(url.origin).answered(parseHttpDate([answer.headers['date'] ?? ''].flat()[0] ?? ''));
      const text = await readText(answer.body, where, most);
      this.#options.traffic.answered(Buffer.byteLength(text));
      return { status: answer.statusCode, headers: answer.headers, text };
    } catch (thrown) {
      signal.throwIfAborted();
      throw this.#tlsFailure(thrown, where) ?? transferFailure(thrown, stage, where);
    }
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  /** What the two sides of a handshake disagree about, for the operator; null when it is something else. */
  #tlsFailure(thrown: unknown, where: string): WaystationError | null {
    const code = systemCode(thrown) ?? '';
    const { untrusted, refused } = this.#options.advice;
    const refuse = (reason: string): WaystationError =>
      new WaystationError('upstream_unreachable', `${where}: ${reason} (${code})`, { cause: thrown });
    if (/ALTNAME/.test(code)) return refuse("the hub's certificate is for another name");
    if (/SELF_SIGNED|^UNABLE_TO|^CERT_|ISSUER/.test(code))
      return refuse(`the hub's certificate is not trusted: ${untrusted}`);
    if (/ALERT/.test(code)) return refuse(`the hub refuses the handshake: ${refused}`);
    if (/WRONG_VERSION|PACKET_LENGTH|^EPROTO$/.test(code)) return refuse('the hub does not speak TLS there');
    return null;
  }
}

async function readText(body: AsyncIterable<Buffer>, where: string, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > most) throw new WaystationError('upstream_too_large', `${where} answers more than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString('utf8');
}
