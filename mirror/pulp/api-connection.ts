import type { Clock } from '../../base/clock.ts';
import { systemCode, WaystationError } from '../../base/errors.ts';
import { Connections } from '../../origin/connections.ts';
import { transferFailure } from '../../origin/failure.ts';
import type { Stage } from '../../origin/failure.ts';
import type { Health } from '../../origin/health.ts';
import { Credentials } from '../../origin/identity.ts';
import type { Identity } from '../../origin/identity.ts';
import { NeighbourGuard } from '../../origin/neighbour-guard.ts';
import { shownUrl } from '../../origin/shown-url.ts';
import type { Traffic } from '../../origin/traffic.ts';
import { parseHttpDate } from '../../http/http-date.ts';

export interface ApiConnectionOptions {
  readonly identity: Identity;
  /** Of this program, for User-Agent. */
  readonly version: string;
  readonly health: Health;
  readonly traffic: Traffic;
  readonly clock: Clock;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** What shows who asks: a cookie, Basic, or nothing. */
  readonly authentication: Readonly<Record<string, string>>;
}

export interface ApiAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Milliseconds. A page of many distributions keeps a small hub busy for seconds. */
const headWithin = 30_000;
const betweenChunks = 15_000;
/** Bytes of one answer; a page of 500 distributions has 0.3 MB. */
const largest = 32 * 1024 * 1024;

/** One question to a hub's API at a time over origin/'s connections: TLS, proxy and configured headers are theirs. */
export class ApiConnection {
  readonly #options: ApiConnectionOptions;
  readonly #credentials: Credentials;
  readonly #connections: Connections;

  constructor(options: ApiConnectionOptions) {
    this.#options = options;
    this.#credentials = new Credentials(options.identity);
    this.#connections = new Connections(options.identity, this.#credentials, new NeighbourGuard());
  }

  /**
   * @returns whatever the hub answers; redirects are not followed.
   * @throws WaystationError when no whole answer came; the signal's reason.
   */
  async send({ method, url, authentication }: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    const where = shownUrl(url);
    let stage: Stage = 'head';
    try {
      const route = await this.#connections.route(url, `${url.pathname}${url.search}`);
      const { authorization: _basic, ...configured } = await this.#credentials.headersFor(url.origin);
      const { statusCode, headers, body } = await route.dispatcher.request({
        origin: route.origin,
        path: route.path,
        method,
        headers: {
          'user-agent': `waystation/${this.#options.version}`,
          accept: 'application/json',
          ...configured,
          ...authentication,
          ...route.headers,
        },
        signal,
        headersTimeout: headWithin,
        bodyTimeout: betweenChunks,
      });
      stage = 'body';
      const health = this.#options.health.of(url.origin);
      health.answered(parseHttpDate([headers['date'] ?? ''].flat()[0] ?? ''));
      const text = await readText(body, where);
      this.#options.traffic.answered(Buffer.byteLength(text));
      return { status: statusCode, headers, text };
    } catch (thrown) {
      signal.throwIfAborted();
      throw tlsFailure(thrown, where) ?? transferFailure(thrown, stage, where);
    }
  }

  /** `Authorization` by password, as configured; null when nobody is named. @throws WaystationError `secret_unreadable` */
  async basic(url: URL): Promise<string | null> {
    return (await this.#credentials.headersFor(url.origin))['authorization'] ?? null;
  }

  close(): Promise<void> {
    return this.#connections.close();
  }
}

async function readText(body: AsyncIterable<Buffer>, where: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > largest) throw new WaystationError('upstream_too_large', `${where} answers more than ${largest} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString('utf8');
}

/** What the two sides of a handshake disagree about, for the operator; null when it is something else. */
function tlsFailure(thrown: unknown, where: string): WaystationError | null {
  const code = systemCode(thrown) ?? '';
  const refuse = (reason: string): WaystationError =>
    new WaystationError('upstream_unreachable', `${where}: ${reason} (${code})`, { cause: thrown });
  if (/ALTNAME/.test(code)) return refuse("the hub's certificate is for another name");
  if (/SELF_SIGNED|^UNABLE_TO|^CERT_|ISSUER/.test(code))
    return refuse("the hub's certificate is not trusted: see tls.ca");
  if (/ALERT/.test(code))
    return refuse('the hub refuses the handshake: it may want a client certificate, see tls.cert');
  if (/WRONG_VERSION|PACKET_LENGTH|^EPROTO$/.test(code)) return refuse('the hub does not speak TLS there');
  return null;
}
