import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

import type { Gate } from './faulty-origin-gate.ts';
import type { OriginRequest, Reply } from './faulty-origin-reply.ts';

/** How a reply ended, seen from the origin. */
export type Ending = 'complete' | 'cut' | 'client left';

/** What is told while a reply is sent. */
export interface SendProgress {
  headersSent(status: number): void;
  bytesSent(count: number): void;
}

const headEnd = Buffer.from('\r\n\r\n');

/** The requests that come over one connection, in order; ends when the client closes or sends what is no request. */
export async function* requestsOf(socket: Socket): AsyncGenerator<OriginRequest> {
  let pending = Buffer.alloc(0);
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      pending = Buffer.concat([pending, chunk as Buffer]);
      for (let end = pending.indexOf(headEnd); end >= 0; end = pending.indexOf(headEnd)) {
        const request = parseHead(pending.subarray(0, end).toString('latin1'));
        pending = pending.subarray(end + headEnd.length);
        if (request === null) return;
        yield request;
      }
    }
  } catch {
    // The client went away: nothing more will come.
  }
}

function parseHead(text: string): OriginRequest | null {
  const [line = '', ...fields] = text.split('\r\n');
  const [method, raw] = line.split(' ');
  if (method === undefined || raw === undefined) return null;
  const target = raw.startsWith('/') ? raw : new URL(raw).pathname;
  const headers: Record<string, string> = {};
  for (const field of fields) {
    const colon = field.indexOf(':');
    const name = field.slice(0, colon).toLowerCase();
    const value = field.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return { method, target, path: decoded(target), headers };
}

function decoded(target: string): string {
  const path = target.split('?', 1)[0] ?? '';
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Sends one reply; the connection can be used again only after `complete` with a framing other than `close`. */
export async function sendReply(
  wire: Wire,
  request: OriginRequest,
  reply: Reply,
  progress: SendProgress,
): Promise<Ending> {
  if (reply.before !== null && !(await wire.pass(reply.before))) return 'client left';
  if (reply.raw !== null) {
    await wire.write(reply.raw);
    wire.end();
    return 'cut';
  }
  progress.headersSent(reply.status);
  const bodiless = request.method === 'HEAD' || reply.status === 304 || reply.status === 204;
  await wire.write(head(reply));
  if (!bodiless) {
    const ending = await sendBody(wire, reply, progress);
    if (ending !== 'complete') return ending;
  }
  if (reply.framing === 'close') wire.end();
  return wire.gone ? 'client left' : 'complete';
}

async function sendBody(wire: Wire, reply: Reply, progress: SendProgress): Promise<Ending> {
  const events = reply.events.toSorted((a, b) => a.at - b.at);
  let at = 0;
  for (const event of [...events, null]) {
    const end = Math.min(reply.body.length, event?.at ?? reply.body.length);
    for await (const chunk of reply.body.read(at, Math.max(at, end))) {
      for (const slice of paced(chunk, reply.rate)) {
        if (reply.rate !== null) await wire.wait((slice.length / reply.rate) * 1000, reply.until);
        if (!(await wire.write(reply.framing === 'chunked' ? asChunk(slice) : slice))) return 'client left';
        progress.bytesSent(slice.length);
      }
    }
    at = Math.max(at, end);
    if (event?.kind === 'cut') return wire.cut(event.how);
    if (event?.kind === 'wait' && !(await wire.pass(event.gate))) return 'client left';
  }
  if (reply.framing === 'chunked') await wire.write(Buffer.from('0\r\n\r\n'));
  return 'complete';
}

function head(reply: Reply): Buffer {
  const lines = [`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? 'Unknown'}`];
  const has = (name: string): boolean => reply.headers.some(([known]) => known === name);
  if (!has('date')) lines.push(`date: ${new Date().toUTCString()}`);
  if (reply.framing === 'chunked') lines.push('transfer-encoding: chunked');
  if (reply.framing === 'length' && !has('content-length') && reply.status !== 304) {
    lines.push(`content-length: ${reply.body.length}`);
  }
  if (reply.framing === 'close') lines.push('connection: close');
  for (const [name, value] of reply.headers) lines.push(`${name}: ${value}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

function asChunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

/** Cuts a chunk into twentieths of a second. */
function* paced(chunk: Buffer, rate: number | null): Generator<Buffer> {
  const step = rate === null ? chunk.length : Math.max(1, Math.ceil(rate / 20));
  for (let at = 0; at < chunk.length; at += step) yield chunk.subarray(at, at + step);
}

/** One connection, on which every wait ends when the client leaves. */
export class Wire {
  readonly #socket: Socket;
  /** What to do when the client leaves; one listener on the socket serves them all. */
  readonly #onLeave = new Set<() => void>();

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.once('close', () => {
      for (const leave of this.#onLeave) leave();
    });
  }

  get gone(): boolean {
    return this.#socket.destroyed;
  }

  /** False when the client has left. */
  async write(bytes: Buffer): Promise<boolean> {
    if (this.gone) return false;
    if (this.#socket.write(bytes)) return true;
    return this.#orLeft((done) => {
      this.#socket.once('drain', done);
      return () => this.#socket.off('drain', done);
    });
  }

  /** Waits at a gate; false when the client left before it opened. */
  pass(gate: Gate): Promise<boolean> {
    return this.#orLeft((done) => gate.come(done));
  }

  /** Waits so long, or until the gate opens. */
  async wait(milliseconds: number, gate: Gate | null): Promise<void> {
    await this.#orLeft((done) => {
      const timer = setTimeout(done, milliseconds);
      const leave = gate?.come(done);
      return () => {
        clearTimeout(timer);
        leave?.();
      };
    });
  }

  end(): void {
    this.#socket.end();
  }

  /** Ends the connection once what was written has left. */
  async cut(how: 'close' | 'reset'): Promise<Ending> {
    await this.#orLeft((done) => {
      this.#socket.write('', () => done());
      return () => {};
    });
    if (how === 'reset') this.#socket.resetAndDestroy();
    else this.#socket.destroy();
    return 'cut';
  }

  /** True when `begin` called done, false when the client left before. */
  async #orLeft(begin: (done: () => void) => () => void): Promise<boolean> {
    if (this.gone) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const leave = (): void => resolve(false);
    this.#onLeave.add(leave);
    const forget = begin(() => resolve(true));
    try {
      return await promise;
    } finally {
      this.#onLeave.delete(leave);
      forget();
    }
  }
}
