import { ApiClient } from '../../origin/api-client.ts';
import type { ApiAnswer } from '../../origin/api-client.ts';
import type { Health } from '../../origin/health.ts';
import { Credentials } from '../../origin/identity.ts';
import type { Identity } from '../../origin/identity.ts';
import type { Traffic } from '../../origin/traffic.ts';

export type { ApiAnswer };

export interface ApiConnectionOptions {
  readonly identity: Identity;
  /** Of this program, for User-Agent. */
  readonly version: string;
  readonly health: Health;
  readonly traffic: Traffic;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** What shows who asks: a cookie, Basic, or nothing. */
  readonly authentication: Readonly<Record<string, string>>;
}

/** Milliseconds. A page of many distributions keeps a small hub busy for seconds. */
const headWithin = 30_000;
/** Bytes of one answer; a page of 500 distributions has 0.3 MB. */
const largest = 32 * 1024 * 1024;

const advice = { untrusted: 'see tls.ca', refused: 'it may want a client certificate, see tls.cert' };

/** One question to a hub's API at a time over origin/'s connections: TLS, proxy and configured headers are theirs. */
export class ApiConnection {
  readonly #credentials: Credentials;
  readonly #client: ApiClient;

  constructor(options: ApiConnectionOptions) {
    this.#credentials = new Credentials(options.identity);
    this.#client = new ApiClient({ ...options, advice });
  }

  /**
   * @returns whatever the hub answers; redirects are not followed.
   * @throws WaystationError when no whole answer came; the signal's reason.
   */
  async send({ method, url, authentication }: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    const { authorization: _basic, ...configured } = await this.#credentials.headersFor(url.origin);
    const headers = { ...configured, ...authentication };
    return this.#client.ask({ method, url, headers, headWithin, most: largest }, signal);
  }

  /** `Authorization` by password, as configured; null when nobody is named. @throws WaystationError `secret_unreadable` */
  async basic(url: URL): Promise<string | null> {
    return (await this.#credentials.headersFor(url.origin))['authorization'] ?? null;
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}
