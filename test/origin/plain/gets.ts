import { hash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { PlainEnd, PlainJob, PlainPlace } from '../../../base/plain-get.ts';
import { plainGetProgram } from '../../../origin/plain/get-program.ts';

/** How a GET ended, and what it put. */
export interface Outcome extends PlainEnd {
  readonly put: Buffer | null;
}

const place = 1;

/** GETs of the program, run in this thread. It throws at its end when one of them was told of more than once. */
export class Gets implements Disposable {
  /** Files cannot be made. */
  full = false;
  readonly #program;
  readonly #waiting = new Map<number, (end: Outcome) => void>();
  readonly #files = new Map<string, Buffer>();
  readonly #strays: number[] = [];
  #begun = 0;

  /** @param to the URL of the server that is asked, or its place. */
  constructor(to: string | PlainPlace) {
    this.#program = plainGetProgram(createRequire(import.meta.url), {
      put: (path, bytes, at, length) => {
        if (this.full || this.#files.has(path)) return 'unputtable';
        this.#files.set(path, Buffer.from(bytes.subarray(at, at + length)));
        return null;
      },
      ended: (number, end) => {
        const tell = this.#waiting.get(number);
        this.#waiting.delete(number);
        if (tell === undefined) this.#strays.push(number);
        else tell({ ...end, put: this.#files.get(`/part/${number}`) ?? null });
      },
    });
    this.#program.place(place, typeof to === 'string' ? placeOf(to) : to);
  }

  /** Asks for a file that is to have these bytes. */
  get(target: string, listed: string | Buffer, other: Partial<PlainJob> = {}): Promise<Outcome> {
    this.#begun += 1;
    const number = this.#begun;
    const [size, sha256] = [listed.length, hash('sha256', listed, 'hex')];
    return new Promise((resolve) => {
      this.#waiting.set(number, resolve);
      this.#program.get({ number, place, target, path: `/part/${number}`, size, sha256, ...other });
    });
  }

  /** Those that did not end yet. */
  get underWay(): number {
    return this.#waiting.size;
  }

  cut(): void {
    this.#program.cut();
  }

  [Symbol.dispose](): void {
    this.cut();
    if (this.#strays.length > 0) throw new Error(`these ended more than once: ${this.#strays.join(', ')}`);
    if (this.underWay > 0) throw new Error(`${this.underWay} did not end`);
  }
}

function placeOf(url: string): PlainPlace {
  const { hostname: host, port, protocol } = new URL(url);
  const fields = 'Host: hub.example\r\nConnection: keep-alive\r\n\r\n';
  return { host, port: Number(port), secure: protocol === 'https:', fields };
}

/** Resolves when a connection is closed, in whatever way. */
export async function closed(socket: Socket | undefined): Promise<void> {
  if (socket === undefined) throw new Error('there was no connection');
  if (!socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}
