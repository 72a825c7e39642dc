import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';

import { requestsOf, sendReply, Wire } from './faulty-origin-connection.ts';
import type { Ending } from './faulty-origin-connection.ts';
import type { Lie } from './faulty-origin-lies.ts';
import { diskFile, honestReply, memoryFile, statusReply } from './faulty-origin-reply.ts';
import type { OriginFile, OriginRequest } from './faulty-origin-reply.ts';

export { Gate } from './faulty-origin-gate.ts';
export * from './faulty-origin-lies.ts';

export interface FaultyOriginOptions {
  /** Served for what `put` did not give. */
  readonly directory?: string;
  /** Asked of every request; without it 401. */
  readonly basic?: { readonly username: string; readonly password: string };
  /** PEM texts. With `clientCa` a client certificate of that CA is required. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly clientCa?: string };
  /** Default 127.0.0.1. */
  readonly host?: string;
}

/** One request, as it came and as it ended. */
export interface LoggedRequest extends OriginRequest {
  /** Number of the connection, from 1: equal numbers mean that it was used again. */
  readonly connection: number;
  /** Null until headers have left. */
  readonly status: number | null;
  /** Body bytes written so far, without chunk frames. */
  readonly sent: number;
  /** Null while it goes on. */
  readonly ended: Ending | null;
}

/** A path (decoded, without query), a pattern over paths, or any condition. */
export type Match = string | RegExp | ((request: OriginRequest) => boolean);

export interface Rule {
  /** How many requests it has answered. */
  readonly hits: number;
  remove(): void;
}

/**
 * A scripted HTTP/1.1 server on real sockets. It serves a directory or bytes in memory honestly (ranges, validators,
 * keep-alive) until rules tell it to lie. The last rule that matches a request applies, all its lies in order.
 *
 *     await using origin = await FaultyOrigin.start({ directory });
 *     origin.on('/repodata/repomd.xml', status(503, { 'retry-after': '2' }));   // until removed
 *     origin.times(1, '/a.rpm', cutAt(1000));                                    // for the next request
 *     await origin.stop();  …  await origin.resume();                            // connections refused in between
 *     origin.count('/a.rpm'); await origin.requested('/a.rpm', 2);
 */
export class FaultyOrigin implements AsyncDisposable {
  readonly requests: readonly LoggedRequest[];
  readonly #log: LogEntry[] = [];
  readonly #options: FaultyOriginOptions;
  readonly #files = new Map<string, OriginFile | null>();
  #rules: ActiveRule[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #waiters = new Set<() => void>();
  readonly #server: Server;
  readonly #address: AddressInfo;
  #connections = 0;

  static async start(options: FaultyOriginOptions = {}): Promise<FaultyOrigin> {
    const { tls } = options;
    const server =
      tls === undefined
        ? createServer({ noDelay: true })
        : createTlsServer({
            key: tls.key,
            cert: tls.cert,
            ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
          });
    server.listen(0, options.host ?? '127.0.0.1');
    await once(server, 'listening');
    return new FaultyOrigin(options, server);
  }

  private constructor(options: FaultyOriginOptions, server: Server) {
    this.requests = this.#log;
    this.#options = options;
    this.#server = server;
    this.#address = server.address() as AddressInfo;
    server.on('connection', (socket: Socket) => {
      this.#connections++;
      this.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    });
    const event = options.tls === undefined ? 'connection' : 'secureConnection';
    server.on(event, (socket: Socket) => void this.#converse(socket, this.#connections));
    server.on('tlsClientError', () => {});
  }

  get port(): number {
    return this.#address.port;
  }

  /** With a slash at its end. */
  get url(): string {
    const host = this.#address.family === 'IPv6' ? `[${this.#address.address}]` : this.#address.address;
    return `${this.#options.tls === undefined ? 'http' : 'https'}://${host}:${this.port}/`;
  }

  /** How many connections it has accepted. */
  get connections(): number {
    return this.#connections;
  }

  /** Serves these bytes at a path (with or without leading slash), instead of the directory's file. */
  put(path: string, bytes: Buffer | string): void {
    this.#files.set(rooted(path), memoryFile(Buffer.from(bytes)));
  }

  /** 404 for this path from now on. */
  remove(path: string): void {
    this.#files.set(rooted(path), null);
  }

  /** Applies lies to all matching requests until the rule is removed. */
  on(match: Match, ...lies: Lie[]): Rule {
    return this.times(Number.POSITIVE_INFINITY, match, ...lies);
  }

  /** Applies lies to the next `count` matching requests. */
  times(count: number, match: Match, ...lies: Lie[]): Rule {
    const rule = new ActiveRule(count, match, lies, () => {
      this.#rules = this.#rules.filter((each) => each !== rule);
    });
    this.#rules.unshift(rule);
    return rule;
  }

  /** Removes every rule: honest again. */
  clear(): void {
    this.#rules = [];
  }

  /** How many requests came for a path, or in total. */
  count(match: Match = () => true): number {
    return this.#log.filter((request) => matches(match, request)).length;
  }

  /** Resolves once `count` matching requests have come since the start. */
  async requested(match: Match, count = 1): Promise<void> {
    await this.until(() => this.count(match) >= count);
  }

  /** Resolves once a condition holds; it is looked at whenever a request comes or ends. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.add(resolve));
  }

  /** Cuts all connections; the server goes on. */
  cutConnections(how: 'close' | 'reset' = 'close'): void {
    for (const socket of this.#sockets) {
      if (how === 'reset') socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  /** Cuts all connections and refuses new ones. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cutConnections();
    await closed;
  }

  /** Listens again on the same port. */
  async resume(): Promise<void> {
    this.#server.listen(this.port, this.#address.address);
    await once(this.#server, 'listening');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #converse(socket: Socket, connection: number): Promise<void> {
    const wire = new Wire(socket);
    for await (const request of requestsOf(socket)) {
      const entry: LogEntry = { ...request, connection, status: null, sent: 0, ended: null };
      this.#log.push(entry);
      const rule = this.#rules.find((each) => each.take(request));
      this.#wake();
      const file = await this.#file(request.path);
      const honest = this.#authorized(request)
        ? honestReply(file, request)
        : statusReply(401, 'who are you?\n', { 'www-authenticate': 'Basic realm="origin"' });
      const reply = (rule?.lies ?? []).reduce((before, lie) => lie(before, request, file), honest);
      entry.ended = await sendReply(wire, request, reply, {
        headersSent: (status) => (entry.status = status),
        bytesSent: (count) => (entry.sent += count),
      });
      this.#wake();
      if (entry.ended !== 'complete' || reply.framing === 'close') return;
      if (request.headers['connection']?.toLowerCase() === 'close') socket.end();
    }
    socket.end();
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }

  async #file(path: string): Promise<OriginFile | null> {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    if (this.#options.directory === undefined || path.split('/').includes('..')) return null;
    return diskFile(join(this.#options.directory, path));
  }

  #authorized(request: OriginRequest): boolean {
    const { basic } = this.#options;
    if (basic === undefined) return true;
    const expected = Buffer.from(`${basic.username}:${basic.password}`).toString('base64');
    return request.headers['authorization'] === `Basic ${expected}`;
  }
}

type LogEntry = { -readonly [Key in keyof LoggedRequest]: LoggedRequest[Key] };

class ActiveRule implements Rule {
  readonly lies: readonly Lie[];
  readonly remove: () => void;
  readonly #match: Match;
  #left: number;
  #hits = 0;

  constructor(count: number, match: Match, lies: readonly Lie[], remove: () => void) {
    this.lies = lies;
    this.remove = remove;
    this.#match = match;
    this.#left = count;
  }

  get hits(): number {
    return this.#hits;
  }

  /** Whether this request is the rule's to answer; counts it if so. */
  take(request: OriginRequest): boolean {
    if (this.#left <= 0 || !matches(this.#match, request)) return false;
    this.#left--;
    this.#hits++;
    return true;
  }
}

function matches(match: Match, request: OriginRequest): boolean {
  if (typeof match === 'string') return rooted(match) === request.path;
  return match instanceof RegExp ? match.test(request.path) : match(request);
}

function rooted(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}
