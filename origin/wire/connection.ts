import type { OnReadOpts, Socket } from 'node:net';
import type { Deadlines, Due } from './deadlines.ts';
import type { Dial, Dialled } from './dial.ts';
import type { ResponseHead } from './response-head.ts';
import { ResponseReader } from './response-reader.ts';
import type { Receiver } from './response-reader.ts';
import { DisconnectedError, SilenceError } from './wire-errors.ts';

/** One GET, and who is told of what comes of it. */
export interface Request {
  /** Request line and header fields, with the empty line; a character for each byte. */
  readonly text: string;
  /** Milliseconds without a byte of the body, while it may be read. */
  readonly idleTimeout: number;
  /** It left on this connection. */
  sent(connection: Connection): void;
  head(head: ResponseHead): void;
  /** May pause the connection. */
  chunk(chunk: Buffer): void;
  end(): void;
  failed(error: unknown): void;
}

/** Who has a connection. */
export interface Owner {
  readonly deadlines: Deadlines;
  /** It can take its first request. */
  ready(connection: Connection, socket: Socket): void;
  /** It could not be made. */
  refused(connection: Connection, error: unknown): void;
  /** It can take another request. @param keepAlive seconds that it stays open, as the other side says. */
  free(connection: Connection, keepAlive: number | null): void;
  /** It is cut. */
  gone(connection: Connection): void;
  /** The other side closed it before it saw a request (RFC 9112 §9.3.1). */
  again(request: Request): void;
}

/** Milliseconds from the look-up of the name to the end of the handshake. */
const connectTimeout = 5000;

/** One connection, and the one request that is on it. */
export class Connection implements Receiver, Due {
  due = performance.now() + connectTimeout;
  /** It was idle before its present request: the other side may have closed it. */
  kept = false;
  readonly #owner: Owner;
  readonly #reader = new ResponseReader(this);
  readonly #dialling = new AbortController();
  #socket: Socket | null = null;
  #byOnread = true;
  #request: Request | null = null;
  #keepAlive: number | null = null;
  #paused = false;
  /** Inside a callback of the socket, whose result says whether it is read on. */
  #reading = false;
  #gone = false;

  constructor(owner: Owner, dial: Dial) {
    this.#owner = owner;
    owner.deadlines.watch(this);
    const onread: OnReadOpts = {
      buffer: () => this.#reader.room(),
      callback: (count) => this.#read(count, null),
    };
    dial(onread, this.#dialling.signal).then(
      (dialled) => this.#dialled(dialled),
      (error: unknown) => this.#refused(error),
    );
  }

  send(request: Request): void {
    this.#request = request;
    this.due = Infinity;
    this.#keepAlive = null;
    this.#reader.begin();
    request.sent(this);
    this.#socket?.write(request.text, 'latin1');
  }

  /** Nothing more is read before `resume`, but what is under way may still come. */
  pause(): void {
    if (this.#paused || this.#gone) return;
    this.#paused = true;
    this.due = Infinity;
    if (!this.#reading || !this.#byOnread) this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused || this.#gone) return;
    this.#paused = false;
    this.#idleFromNow();
    this.#socket?.resume();
  }

  /** Nobody is told of anything any more. */
  cut(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#request = null;
    this.#reader.stop();
    this.#owner.deadlines.forget(this);
    this.#dialling.abort(new Error('the connection is not wanted any more'));
    this.#socket?.destroy();
    this.#owner.gone(this);
  }

  expired(): void {
    if (this.#socket === null) this.#dialling.abort(new Error(`no connection within ${connectTimeout / 1000} s`));
    else this.fail(new SilenceError('nothing came'));
    this.due = Infinity;
  }

  head(head: ResponseHead): void {
    this.#keepAlive = head.keepAlive;
    if (this.#request === null) return;
    this.#idleFromNow();
    this.#request.head(head);
  }

  chunk(chunk: Buffer): void {
    if (!this.#paused) this.due = performance.now() + (this.#request?.idleTimeout ?? Infinity);
    this.#request?.chunk(chunk);
  }

  end(reusable: boolean): void {
    const request = this.#request;
    this.#request = null;
    if (this.#paused) {
      this.#paused = false;
      this.#socket?.resume();
    }
    if (reusable) this.#owner.free(this, this.#keepAlive);
    else this.cut();
    request?.end();
  }

  #dialled({ socket, byOnread }: Dialled): void {
    if (this.#gone) {
      socket.destroy();
      return;
    }
    if (socket.destroyed) return this.#refused(socket.errored ?? closed());
    this.#socket = socket;
    this.#byOnread = byOnread;
    this.due = Infinity;
    socket.on('error', (error) => this.fail(error));
    socket.once('end', () => this.#ended()).once('close', () => this.fail(closed()));
    if (!byOnread) socket.on('data', (bytes: Buffer) => void this.#read(bytes.length, bytes));
    this.#owner.ready(this, socket);
  }

  #refused(error: unknown): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#owner.deadlines.forget(this);
    this.#owner.refused(this, error);
  }

  /** @param bytes null: they are in the reader's room. @returns whether to go on. */
  #read(count: number, bytes: Buffer | null): boolean {
    this.#reading = true;
    try {
      if (bytes === null) this.#reader.took(count);
      else this.#reader.take(bytes);
    } catch (error) {
      this.fail(error);
    } finally {
      this.#reading = false;
    }
    return !this.#paused;
  }

  #ended(): void {
    try {
      if (!this.#gone) this.#reader.eof();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Cuts it for a reason, which its request is told, unless that may be asked again. */
  fail(error: unknown): void {
    if (this.#gone) return;
    const request = this.#request;
    const unseen = this.kept && this.#reader.untouched && isLoss(error);
    this.cut();
    if (request === null) return;
    // Once: it is asked again on a new connection only.
    if (unseen) this.#owner.again(request);
    else request.failed(error);
  }

  #idleFromNow(): void {
    this.due = performance.now() + (this.#request?.idleTimeout ?? Infinity);
    this.#owner.deadlines.nearer(this.due);
  }
}

function closed(): DisconnectedError {
  return new DisconnectedError('the other side closed the connection');
}

/** The connection is gone, whatever was said on it. */
function isLoss(error: unknown): boolean {
  if (error instanceof DisconnectedError) return true;
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code === 'ECONNRESET' || code === 'EPIPE';
}
