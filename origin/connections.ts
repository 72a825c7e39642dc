import type * as undiciModule from 'undici';
import type { Agent, buildConnector, Dispatcher, ProxyAgent } from 'undici';
import { literalAddress } from './address-kind.ts';
import { basic, userInfo } from './identity.ts';
import type { Credentials, Identity } from './identity.ts';
import type { NeighbourGuard } from './neighbour-guard.ts';
import { bypassesProxy } from './no-proxy.ts';
import { slabReading } from './slab.ts';

/** Milliseconds from the look-up of the name to the end of the TLS handshake. */
const connectTimeout = 5000;
/** Bytes of all response headers together. */
const largestHead = 32 * 1024;
/** To one origin, so that one slow repository cannot take all descriptors. More requests wait their turn. */
const mostConnections = 64;

/** Where to send one request: which pool, and what its request line and headers are. */
export interface Route {
  readonly dispatcher: Dispatcher;
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Loaded with the first request: it takes as long as half of a start, and what is held is served without it. */
type Undici = typeof undiciModule;

interface Material {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

interface Pools {
  readonly material: Material;
  readonly direct: Agent;
  /** Tunnels for https; plain http goes to the proxy in absolute form (RFC 9112 §3.2.2) over `direct`. */
  readonly tunnels: ProxyAgent | null;
}

/** The connections of one identity. TLS files are looked at before each request; when they changed, new pools begin. */
export class Connections {
  readonly #identity: Identity;
  readonly #credentials: Credentials;
  readonly #guard: NeighbourGuard;
  readonly #proxy: URL | null;
  #pools: Pools | null = null;

  constructor(identity: Identity, credentials: Credentials, guard: NeighbourGuard) {
    this.#identity = identity;
    this.#credentials = credentials;
    this.#guard = guard;
    this.#proxy = identity.proxy === null ? null : new URL(identity.proxy);
  }

  /**
   * @param path as it goes on the request line.
   * @throws WaystationError `secret_unreadable`, from the TLS files.
   */
  async route(url: URL, path: string): Promise<Route> {
    const { direct, tunnels } = this.#pools !== null && this.#fixed ? this.#pools : await this.#current();
    const proxy = this.#proxy;
    if (proxy === null || tunnels === null || bypassesProxy(url, this.#identity.noProxy)) {
      return { dispatcher: direct, origin: url.origin, path, headers: {} };
    }
    if (url.protocol === 'https:') return { dispatcher: tunnels, origin: url.origin, path, headers: {} };
    const authorization = userInfo(proxy);
    return {
      dispatcher: direct,
      origin: proxy.origin,
      path: `${url.origin}${path}`,
      headers: authorization === null ? {} : { 'proxy-authorization': basic(authorization) },
    };
  }

  /** Cuts every connection. */
  async close(): Promise<void> {
    const pools = this.#pools;
    this.#pools = null;
    await Promise.all([pools?.direct.destroy(), pools?.tunnels?.destroy()]);
  }

  /** Nothing of it comes from files, which may change. */
  get #fixed(): boolean {
    const { ca, cert, key } = this.#identity.tls;
    return ca === null && cert === null && key === null;
  }

  async #current(): Promise<Pools> {
    const { ca, cert, key } = this.#identity.tls;
    if (this.#pools !== null && this.#fixed) return this.#pools;
    const read = async (secret: (() => Promise<string>) | null): Promise<string | null> => (await secret?.()) ?? null;
    // All at once: a certificate and its key that are replaced together are read together.
    const [authorities, own, secret] = await Promise.all([read(ca), read(cert), read(key)]);
    const material = { ca: authorities, cert: own, key: secret };
    const undici = await import('undici');
    const before = this.#pools;
    if (before !== null && same(before.material, material)) return before;
    const pools = this.#open(undici, material);
    this.#pools = pools;
    // What is under way on the old ones ends in peace.
    for (const old of [before?.direct, before?.tunnels]) old?.close().catch(() => {});
    return pools;
  }

  #open(undici: Undici, material: Material): Pools {
    const tls = {
      ...(material.ca === null ? {} : { ca: material.ca }),
      ...(material.cert === null ? {} : { cert: material.cert }),
      ...(material.key === null ? {} : { key: material.key }),
      timeout: connectTimeout,
      allowH2: false,
    };
    const limits = {
      connections: mostConnections,
      pipelining: 1,
      maxHeaderSize: largestHead,
      // The first byte has a budget of its own, over all redirects and tries.
      headersTimeout: 0,
      keepAliveTimeout: 10_000,
      keepAliveMaxTimeout: 60_000,
      allowH2: false,
    };
    const proxy = this.#proxy;
    return {
      material,
      direct: new undici.Agent({ ...limits, connect: this.#connector(undici, tls) }),
      tunnels:
        proxy === null
          ? null
          : new undici.ProxyAgent({
              ...limits,
              uri: proxy.href,
              requestTls: tls,
              proxyTls: { timeout: connectTimeout },
            }),
    };
  }

  /** Connects to configured origins and the proxy freely, and learns where they are; to others under guard. */
  #connector({ buildConnector }: Undici, tls: buildConnector.BuildOptions): buildConnector.connector {
    const secure = { free: buildConnector(tls), guarded: buildConnector({ ...tls, lookup: this.#guard.lookup }) };
    return (options, callback) => {
      const port = options.port === '' ? '' : `:${options.port}`;
      const origin = new URL(`${options.protocol}//${bracketed(options.hostname)}${port}`).origin;
      const trusted = this.#credentials.own(origin) || origin === this.#proxy?.origin;
      const connect =
        options.protocol === 'https:'
          ? secure[trusted ? 'free' : 'guarded']
          : // Reading into slabs keeps state for one socket, so each has a connector of its own.
            buildConnector({
              timeout: connectTimeout,
              onread: slabReading(),
              ...(trusted ? {} : { lookup: this.#guard.lookup }),
            });
      connect(options, (...result) => {
        const [error, socket] = result;
        if (error === null && this.#credentials.own(origin)) this.#guard.learn(socket.remoteAddress);
        callback(...result);
      });
    };
  }
}

function same(one: Material, other: Material): boolean {
  return one.ca === other.ca && one.cert === other.cert && one.key === other.key;
}

function bracketed(hostname: string): string {
  const address = literalAddress(hostname);
  return address?.includes(':') === true ? `[${address}]` : hostname;
}
