import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { KeyPair } from '../faulty-origin-certificates.ts';

/** A distribution as Pulp's API gives it. */
export interface SimulatedDistribution {
  readonly prn: string;
  readonly name: string;
  readonly base_path: string;
  readonly base_url?: string;
  readonly content_guard?: string | null;
  readonly repository?: string | null;
  readonly repository_version?: string | null;
  readonly publication?: string | null;
  readonly checkpoint?: boolean;
  readonly pulp_labels?: Readonly<Record<string, string>>;
}

/** The plugins whose distributions a hub may have. */
type Plugin = 'rpm' | 'file';

export interface SimulatedOptions {
  readonly tls?: KeyPair;
  /** PEM of the authority whose client certificates are asked for; with `tls`. */
  readonly clientAuthority?: string;
  /** Default true. */
  readonly domains?: boolean;
}

/** One request as it came, for what a poll costs. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
}

type Answer = (request: IncomingMessage, response: ServerResponse, url: URL) => boolean;

/**
 * A hub that speaks as much of Pulp's API as a PoP asks, from memory: for what cannot be had from the real one in a
 * test's time, like thousands of distributions or a list that changes between two pages. What it says is checked
 * against the real one by test/e2e/pulp.
 */
export class SimulatedPulp implements AsyncDisposable {
  distributions: SimulatedDistribution[] = [];
  /** Of the file plugin; null: the hub does not have it. */
  fileDistributions: SimulatedDistribution[] | null = [];
  guards: { readonly pulp_href: string; readonly name: string }[] = [];
  /** Of checkpoint publications, by repository. */
  readonly checkpoints = new Map<string, string>();
  /** Content by path below `/pulp/content/default/`. */
  readonly files = new Map<string, string>();
  password = 'right';
  /** Sessions that are still good. */
  readonly sessions = new Set<string>();
  knowsLogin = true;
  /** Called first; true: it has answered. */
  intercept: Answer = () => false;
  readonly seen: Seen[] = [];
  readonly origin: string;
  /** As the status and the distributions name it. */
  contentOrigin: string;
  readonly #close: () => Promise<void>;

  static async start({ tls, clientAuthority, domains = true }: SimulatedOptions = {}): Promise<SimulatedPulp> {
    let hub: SimulatedPulp | null = null;
    const listener: RequestListener = (request, response) => hub?.answer(request, response, domains);
    const clients =
      clientAuthority === undefined ? {} : { requestCert: true, rejectUnauthorized: false, ca: clientAuthority };
    const server = tls === undefined ? createServer(listener) : createSecureServer({ ...tls, ...clients }, listener);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const close = (): Promise<void> =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    const { port } = server.address() as AddressInfo;
    hub = new SimulatedPulp(`${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, close);
    return hub;
  }

  private constructor(origin: string, close: () => Promise<void>) {
    this.origin = origin;
    this.contentOrigin = origin;
    this.#close = close;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }

  /** Adds distributions that serve something, named by their paths. */
  carry(paths: readonly string[], more: Partial<SimulatedDistribution> = {}): void {
    for (const path of paths) {
      const name = path.replaceAll('/', '-');
      const prn = `prn:rpm.rpmdistribution:${name}`;
      this.distributions.push({ prn, name, base_path: path, repository: `/repositories/${name}/`, ...more });
    }
  }

  answer(request: IncomingMessage, response: ServerResponse, domains: boolean): void {
    const url = new URL(request.url ?? '/', this.origin);
    const { method = '', headers } = request;
    this.seen.push({ method, path: url.pathname, query: url.searchParams, headers });
    if (this.intercept(request, response, url)) return;
    const root = `/pulp/${domains ? 'default/' : ''}api/v3/`;
    if (url.pathname === '/pulp/api/v3/status/') return json(response, 200, this.#status(domains));
    if (url.pathname.startsWith('/pulp/content/default/')) return this.#content(url, response);
    if (!url.pathname.startsWith(root)) return page(response, 404);
    const path = url.pathname.slice(root.length);
    if (path === 'login/') return this.#login(request, response);
    if (!this.#known(headers)) return json(response, 401, { detail: 'Authentication credentials were not provided.' });
    const rows = this.#rows(path, url.searchParams);
    if (rows === null) return page(response, 404);
    json(response, 200, paged(rows, url.searchParams));
  }

  #status(domains: boolean): object {
    return {
      versions: [{ component: 'core', version: '3.123.1' }],
      content_settings: { content_origin: this.contentOrigin, content_path_prefix: '/pulp/content/' },
      domain_enabled: domains,
    };
  }

  #login({ headers }: IncomingMessage, response: ServerResponse): void {
    if (!this.knowsLogin) return page(response, 404);
    if (headers.authorization !== this.#basic()) return json(response, 401, { detail: 'Invalid username/password.' });
    const session = `sessionid=${this.sessions.size + 1}`;
    this.sessions.add(session);
    response.setHeader('set-cookie', [`csrftoken=token; Path=/`, `${session}; HttpOnly; Path=/`]);
    json(response, 201, { username: 'pop' });
  }

  #known({ authorization, cookie }: IncomingMessage['headers']): boolean {
    return authorization === this.#basic() || (cookie !== undefined && this.sessions.has(cookie));
  }

  #basic(): string {
    return `Basic ${Buffer.from(`pop:${this.password}`).toString('base64')}`;
  }

  #rows(path: string, query: URLSearchParams): readonly object[] | null {
    if (path === 'contentguards/') return this.guards;
    if (/^publications\/(rpm\/rpm|file\/file)\/$/.test(path)) {
      const created = this.checkpoints.get(query.get('repository') ?? '');
      return created === undefined ? [] : [{ pulp_created: created }];
    }
    const distributions = this.#distributions(path);
    if (distributions === null) return null;
    const [label, value] = (query.get('pulp_label_select') ?? '').split('=');
    return distributions
      .filter(({ pulp_labels: labels = {} }) => !label || labels[label] === value)
      .map((row) => ({ base_url: `${this.contentOrigin}/pulp/content/default/${row.base_path}/`, ...row }));
  }

  #distributions(path: string): readonly SimulatedDistribution[] | null {
    const [, plugin] = /^distributions\/(rpm|file)\/\1\/$/.exec(path) ?? [];
    const known: Record<Plugin, readonly SimulatedDistribution[] | null> = {
      rpm: this.distributions,
      file: this.fileDistributions,
    };
    return plugin === undefined ? null : known[plugin as Plugin];
  }

  #content(url: URL, response: ServerResponse): void {
    const body = this.files.get(url.pathname.slice('/pulp/content/default/'.length));
    if (body === undefined) return page(response, 404);
    response.writeHead(200, { 'content-length': Buffer.byteLength(body) }).end(body);
  }
}

function paged(rows: readonly object[], query: URLSearchParams): object {
  const [limit, offset] = [Number(query.get('limit') ?? 100), Number(query.get('offset') ?? 0)];
  return { count: rows.length, next: null, previous: null, results: rows.slice(offset, offset + limit) };
}

function json(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** As Django says it. */
function page(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end('<!doctype html><h1>Not Found</h1>');
}
