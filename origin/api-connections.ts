import type * as undiciModule from 'undici';
import type { Agent, buildConnector, Dispatcher, ProxyAgent } from 'undici';
import { literalAddress } from './address-kind.ts';
import { basic, userInfo } from './identity.ts';
import type { Credentials, Identity } from './identity.ts';
import type { NeighbourGuard } from './neighbour-guard.ts';
import { bypassesProxy } from './no-proxy.ts';
import { isFixed, readMaterial, sameMaterial, tlsOptions } from './tls-material.ts';
import type { Material } from './tls-material.ts';

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

/** Loaded with the first question: it takes as long as half of a start. */
type Undici = typeof undiciModule;

interface Pools {
  readonly material: Material;
  readonly direct: Agent;
  /** Tunnels for https; plain http goes to the proxy in absolute form (RFC 9112 §3.2.2) over `direct`. */
  readonly tunnels: ProxyAgent | null;
}

/** The connections of one identity to APIs. TLS files are looked at before each request; when they changed, new pools begin. */
export class ApiConnections {
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
    const { direct, tunnels } =
      this.#pools !== null && isFixed(this.#identity.tls) ? this.#pools : await this.#current();
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

  async #current(): Promise<Pools> {
    const material = await readMaterial(this.#identity.tls);
    const undici = await import('undici');
    const before = this.#pools;
    if (before !== null && sameMaterial(before.material, material)) return before;
    const pools = this.#open(undici, material);
    this.#pools = pools;
    // What is under way on the old ones ends in peace.
    for (const old of [before?.direct, before?.tunnels]) old?.close().catch(() => {});
    return pools;
  }

  #open(undici: Undici, material: Material): Pools {
    const tls = {
      ...tlsOptions(material),
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
    const ways = { free: buildConnector(tls), guarded: buildConnector({ ...tls, lookup: this.#guard.lookup }) };
    return (options, callback) => {
      const port = options.port === '' ? '' : `:${options.port}`;
      const origin = new URL(`${options.protocol}//${bracketed(options.hostname)}${port}`).origin;
      const own = this.#credentials.own(origin);
      ways[own || origin === this.#proxy?.origin ? 'free' : 'guarded'](options, (...result) => {
        const [error, socket] = result;
        if (error === null && own) this.#guard.learn(socket.remoteAddress);
        callback(...result);
      });
    };
  }
}

function bracketed(hostname: string): string {
  const address = literalAddress(hostname);
  return address?.includes(':') === true ? `[${address}]` : hostname;
}
