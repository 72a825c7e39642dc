import { close, constants, fdatasync, fstat, futimes, open, read, writev } from 'node:fs';
import { promisify } from 'node:util';
import { factsOf, proven } from './file-facts.ts';
import type { FileFacts } from './file-facts.ts';

const calls = {
  open: promisify(open),
  close: promisify(close),
  read: promisify(read),
  writev: promisify(writev),
  datasync: promisify(fdatasync),
  stat: promisify(fstat),
  utimes: promisify(futimes),
};

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = constants;
const flags = { read: O_RDONLY, make: O_RDWR | O_CREAT, 'make anew': O_RDWR | O_CREAT | O_EXCL } as const;

/**
 * An open file by its plain descriptor. Node's FileHandle ends the process when one is collected unclosed; here a file
 * that somebody forgets costs a descriptor. The number is given to another file as soon as it is closed, so nothing
 * touches it from then on, and closing waits for what is under way.
 */
export class OpenFile {
  readonly fd: number;
  #busy = 0;
  #closing: PromiseWithResolvers<void> | null = null;

  private constructor(fd: number) {
    this.fd = fd;
  }

  static async open(path: string, access: keyof typeof flags): Promise<OpenFile> {
    return new OpenFile(await calls.open(path, flags[access], 0o640));
  }

  read(buffer: Buffer, position: number, length: number): Promise<number> {
    return this.#use(async () => (await calls.read(this.fd, buffer, 0, length, position)).bytesRead);
  }

  /** Writes all of it. */
  write(chunks: readonly Buffer[], position: number): Promise<void> {
    return this.#use(async () => {
      let start = position;
      for (let pending = chunks; pending.length > 0;) {
        const { bytesWritten } = await calls.writev(this.fd, pending, start);
        start += bytesWritten;
        pending = afterBytes(pending, bytesWritten);
      }
    });
  }

  sync(): Promise<void> {
    return this.#use(() => calls.datasync(this.fd));
  }

  facts(): Promise<FileFacts> {
    return this.#use(async () => factsOf(await calls.stat(this.fd)));
  }

  stamp(): Promise<void> {
    return this.#use(() => calls.utimes(this.fd, proven / 1000, proven / 1000));
  }

  /** Resolves once it is closed; every call resolves with the first. */
  close(): Promise<void> {
    if (this.#closing === null) {
      this.#closing = Promise.withResolvers();
      this.#closeIfIdle();
    }
    return this.#closing.promise;
  }

  async #use<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closing !== null) throw Object.assign(new Error('EBADF: the file is closed'), { code: 'EBADF' });
    this.#busy += 1;
    try {
      return await call();
    } finally {
      this.#busy -= 1;
      this.#closeIfIdle();
    }
  }

  #closeIfIdle(): void {
    if (this.#closing === null || this.#busy > 0) return;
    calls.close(this.fd).then(this.#closing.resolve, this.#closing.reject);
  }
}

/** What is left of `chunks` once `count` bytes are written: writev may stop anywhere. */
function afterBytes(chunks: readonly Buffer[], count: number): Buffer[] {
  let skipped = count;
  const left: Buffer[] = [];
  for (const chunk of chunks) {
    if (skipped >= chunk.length) skipped -= chunk.length;
    else {
      left.push(chunk.subarray(skipped));
      skipped = 0;
    }
  }
  return left;
}
