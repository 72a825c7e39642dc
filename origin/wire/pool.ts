import type { Socket } from 'node:net';
import { Connection } from './connection.ts';
import type { Owner, Request } from './connection.ts';
import type { Deadlines } from './deadlines.ts';
import type { Dial } from './dial.ts';

export interface PoolOptions {
  readonly dial: Dial;
  readonly deadlines: Deadlines;
  /** Told of each connection that was made. */
  readonly connected: (socket: Socket) => void;
}

/** So that one slow repository cannot take all descriptors. More requests wait, first come first served. */
const mostConnections = 64;
/** Milliseconds that a connection waits for a request; and less than the other side says, since the two may cross. */
const idleLimit = 10_000;
const longestIdle = 60_000;
const margin = 2000;

/** The connections to one origin. */
export class Pool implements Owner {
  readonly deadlines: Deadlines;
  readonly #options: PoolOptions;
  readonly #connections = new Set<Connection>();
  /** The one that was used last is the first to be used again. */
  readonly #idle: Connection[] = [];
  readonly #waiting = new Set<Request>();
  /** They go first, on new connections only. */
  readonly #again = new Set<Request>();
  #dialling = 0;
  #closing = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.deadlines = options.deadlines;
  }

  /** Nothing is under way or kept. */
  get empty(): boolean {
    return this.#connections.size === 0 && this.#waiting.size === 0 && this.#again.size === 0;
  }

  /** Sends a request as soon as it can. */
  send(request: Request): void {
    const connection = this.#idle.pop();
    if (connection !== undefined) connection.send(request);
    else {
      this.#waiting.add(request);
      this.#dialMore();
    }
  }

  /** Of a request that has not been sent: it will not be. */
  forget(request: Request): void {
    this.#waiting.delete(request);
    this.#again.delete(request);
  }

  /** Lets what is under way or waits end in peace; nothing is kept behind that. */
  retire(): void {
    this.#closing = true;
    for (const connection of this.#idle.splice(0)) connection.cut();
  }

  /** Cuts everything. */
  close(): void {
    this.#closing = true;
    this.#dialling = 0;
    const unsent = [...this.#again, ...this.#waiting];
    this.#again.clear();
    this.#waiting.clear();
    for (const connection of this.#connections) connection.fail(new Error('the connections are closed'));
    for (const request of unsent) request.failed(new Error('the connections are closed'));
  }

  ready(connection: Connection, socket: Socket): void {
    this.#dialling--;
    this.#options.connected(socket);
    const request = first(this.#again) ?? first(this.#waiting);
    if (request === null) return this.#keep(connection, null);
    this.forget(request);
    connection.send(request);
  }

  refused(connection: Connection, error: unknown): void {
    this.#dialling--;
    this.#connections.delete(connection);
    const request = first(this.#again) ?? first(this.#waiting);
    if (request === null) return;
    this.forget(request);
    request.failed(error);
    this.#dialMore();
  }

  free(connection: Connection, keepAlive: number | null): void {
    const request = first(this.#waiting);
    if (request === null) return this.#keep(connection, keepAlive);
    this.#waiting.delete(request);
    connection.kept = true;
    connection.send(request);
  }

  gone(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#dialMore();
  }

  again(request: Request): void {
    this.#again.add(request);
    this.#dialMore();
  }

  #keep(connection: Connection, keepAlive: number | null): void {
    const limit = keepAlive === null ? idleLimit : Math.min(keepAlive * 1000 - margin, longestIdle);
    if (this.#closing || limit <= 0) return connection.cut();
    connection.kept = true;
    connection.due = performance.now() + limit;
    this.deadlines.nearer(connection.due);
    this.#idle.push(connection);
  }

  #dialMore(): void {
    while (this.#dialling < this.#again.size + this.#waiting.size && this.#connections.size < mostConnections) {
      this.#dialling++;
      this.#connections.add(new Connection(this, this.#options.dial));
    }
  }
}

function first(requests: ReadonlySet<Request>): Request | null {
  for (const request of requests) return request;
  return null;
}
