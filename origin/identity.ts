/** Text that is read anew each time it is needed, because its file may have changed; caching is the giver's business. */
export type Secret = () => Promise<string>;

/** Who we are to one configured upstream, and the way to it. Requests of one identity share their connections. */
export interface Identity {
  /** The configured URLs: only to their origins (scheme, host, port) does anything below go. */
  readonly urls: readonly string[];
  readonly username: string | null;
  readonly password: Secret | null;
  /** Names as configured. */
  readonly headers: Readonly<Record<string, Secret>>;
  /** PEM texts. `ca` replaces the system's authorities. */
  readonly tls: { readonly ca: Secret | null; readonly cert: Secret | null; readonly key: Secret | null };
  /** URL of an HTTP proxy; its user info is sent to the proxy alone. */
  readonly proxy: string | null;
  /** Hosts reached without the proxy: `host`, `.domain`, `host:port`, an address, a network in CIDR form, `*`. */
  readonly noProxy: readonly string[];
}

/** An identity that shows nothing and goes straight. */
export function anonymousIdentity(urls: readonly string[]): Identity {
  return {
    urls,
    username: null,
    password: null,
    headers: {},
    tls: { ca: null, cert: null, key: null },
    proxy: null,
    noProxy: [],
  };
}

/** What an identity shows, and to whom. */
export class Credentials {
  readonly #identity: Identity;
  readonly #shows: boolean;
  /** Own origins, with the user info of the URL that named them. */
  readonly #origins: ReadonlyMap<string, string | null>;

  constructor(identity: Identity) {
    this.#identity = identity;
    this.#shows = identity.username !== null || Object.keys(identity.headers).length > 0;
    this.#origins = new Map(identity.urls.map((url) => [new URL(url).origin, userInfo(new URL(url))]));
  }

  /** Whether this origin is one of the configured ones. */
  own(origin: string): boolean {
    return this.#origins.has(origin);
  }

  /** Whether requests to this origin show who we are. */
  showsTo(origin: string): boolean {
    const inUrl = this.#origins.get(origin);
    if (inUrl === undefined) return false;
    return inUrl !== null || this.#shows;
  }

  /**
   * Request headers that show who we are; none for an origin that is not our own.
   * @throws WaystationError `secret_unreadable`, from the secrets.
   */
  async headersFor(origin: string): Promise<Record<string, string>> {
    const inUrl = this.#origins.get(origin);
    if (inUrl === undefined) return {};
    const { username, password, headers } = this.#identity;
    const shown: Record<string, string> = {};
    if (username !== null) shown['authorization'] = basic(`${username}:${(await password?.()) ?? ''}`);
    else if (inUrl !== null) shown['authorization'] = basic(inUrl);
    for (const [name, value] of Object.entries(headers)) shown[name.toLowerCase()] = await value();
    return shown;
  }
}

/** `user:password` of a URL, decoded; null when it has none. */
export function userInfo(url: URL): string | null {
  if (url.username === '' && url.password === '') return null;
  return `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
}

/** RFC 7617, with UTF-8. */
export function basic(pair: string): string {
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}
