import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { basic, userInfo } from './identity.ts';
import type { Credentials, Identity } from './identity.ts';
import type { NeighbourGuard } from './neighbour-guard.ts';
import { bypassesProxy } from './no-proxy.ts';
import { isFixed, readMaterial, sameMaterial, tlsOptions } from './tls-material.ts';
import type { Material } from './tls-material.ts';
import type { Deadlines } from './wire/deadlines.ts';
import { dialDirect, secured, Security } from './wire/dial.ts';
import type { Dial, Direct, Place } from './wire/dial.ts';
import { Pool } from './wire/pool.ts';
import { tunnel } from './wire/tunnel.ts';

/** Where to send requests to one origin. */
export interface Route {
  readonly pool: Pool;
  /** What stands before the path on the request line: a proxy is asked in absolute form (RFC 9112 §3.2.2). */
  readonly before: string;
  /** What it adds to requests, names in lower case; null: nothing. */
  readonly headers: Readonly<Record<string, string>> | null;
}

/** Redirects may lead to ever new hosts: those to which there is no connection are forgotten. */
const mostRoutes = 256;

/** Routes with the TLS material of one moment. */
interface Routes {
  readonly material: Material;
  readonly context: () => SecureContext;
  /** By origin. */
  readonly known: Map<string, Route>;
  /** To the proxy, for all that is asked of it in absolute form. */
  proxied: Pool | null;
}

/** The connections of one identity. TLS files are looked at before each request; when they changed, new pools begin. */
export class Connections {
  readonly #identity: Identity;
  readonly #credentials: Credentials;
  readonly #guard: NeighbourGuard;
  readonly #deadlines: Deadlines;
  readonly #proxy: URL | null;
  #routes: Routes | null = null;

  constructor(
    identity: Identity,
    { credentials, guard, deadlines }: { credentials: Credentials; guard: NeighbourGuard; deadlines: Deadlines },
  ) {
    this.#identity = identity;
    this.#credentials = credentials;
    this.#guard = guard;
    this.#deadlines = deadlines;
    this.#proxy = identity.proxy === null ? null : new URL(identity.proxy);
  }

  /**
   * The way to an origin: at once, where no TLS file has to be looked at.
   * @param origin scheme, host and port.
   * @throws WaystationError `secret_unreadable`, from the TLS files.
   */
  route(origin: string): Route | Promise<Route> {
    if (!isFixed(this.#identity.tls)) return this.#current().then((routes) => this.#route(routes, origin));
    this.#routes ??= begin({ ca: null, cert: null, key: null });
    return this.#route(this.#routes, origin);
  }

  /** Whether an origin of ours is reached straight, by nothing that has to be read from files. */
  isPlain(origin: string): boolean {
    return this.#proxy === null && isFixed(this.#identity.tls) && this.#credentials.own(origin);
  }

  /** Cuts every connection. */
  close(): void {
    for (const { pool } of this.#routes?.known.values() ?? []) pool.close();
    this.#routes = null;
  }

  async #current(): Promise<Routes> {
    const material = await readMaterial(this.#identity.tls);
    const before = this.#routes;
    if (before !== null && sameMaterial(before.material, material)) return before;
    this.#routes = begin(material);
    // What is under way on the old ones ends in peace.
    for (const { pool } of before?.known.values() ?? []) pool.retire();
    return this.#routes;
  }

  #route(routes: Routes, origin: string): Route {
    const { known } = routes;
    const route = known.get(origin);
    if (route !== undefined) return route;
    if (known.size >= mostRoutes) for (const [name, { pool }] of known) if (pool.empty) known.delete(name);
    const made = this.#open(new URL(origin), routes);
    known.set(origin, made);
    return made;
  }

  #open(url: URL, routes: Routes): Route {
    const proxy = this.#proxy;
    if (proxy === null || bypassesProxy(url, this.#identity.noProxy))
      return { pool: this.#direct(url, routes.context), before: '', headers: null };
    const user = userInfo(proxy);
    const authorization = user === null ? null : basic(user);
    if (url.protocol === 'https:')
      return { pool: this.#tunnels(proxy, url, { authorization, ...routes }), before: '', headers: null };
    routes.proxied ??= this.#pool(
      direct({ ...placeOf(proxy), security: securityOf(proxy, routes.context), lookup: null }),
    );
    return {
      pool: routes.proxied,
      before: url.origin,
      headers: authorization === null ? null : { 'proxy-authorization': authorization },
    };
  }

  /** Connects to configured origins freely, and learns where they are; to others under guard. */
  #direct(url: URL, context: () => SecureContext): Pool {
    const own = this.#credentials.own(url.origin);
    const dial = direct({
      ...placeOf(url),
      security: securityOf(url, context),
      lookup: own ? null : this.#guard.lookup,
    });
    return this.#pool(dial, own ? (socket) => this.#guard.learn(socket.remoteAddress) : () => {});
  }

  #tunnels(
    proxy: URL,
    url: URL,
    { authorization, context }: { readonly authorization: string | null; readonly context: () => SecureContext },
  ): Pool {
    const [place, security] = [placeOf(url), new Security(context)];
    // The authorities of the identity are those of its origins; what is behind the proxy is looked up there.
    const first = { ...placeOf(proxy), security: securityOf(proxy, () => createSecureContext()), lookup: null };
    return this.#pool(async (_onread, signal) => {
      const through = await dialDirect(first, null, signal);
      await tunnel(through, { target: `${url.hostname}:${place.port}`, authorization }, signal);
      return { socket: await secured(through, { place, security }, signal), byOnread: false };
    });
  }

  #pool(dial: Dial, connected: (socket: Socket) => void = () => {}): Pool {
    return new Pool({ dial, deadlines: this.#deadlines, connected });
  }
}

function direct(to: Direct): Dial {
  return async (onread, signal) => ({ socket: await dialDirect(to, onread, signal), byOnread: true });
}

function begin(material: Material): Routes {
  let context: SecureContext | null = null;
  return {
    material,
    context: () => (context ??= createSecureContext(tlsOptions(material))),
    known: new Map(),
    proxied: null,
  };
}

function securityOf({ protocol }: URL, context: () => SecureContext): Security | null {
  return protocol === 'https:' ? new Security(context) : null;
}

/** Where the origin of a URL is. */
export function placeOf({ hostname, port, protocol }: URL): Place {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) };
}
