import { Worker } from 'node:worker_threads';
import { proven } from './file-facts.ts';
import { fileThreadProgram } from './file-thread-program.ts';
import type { FileJob, FileJobResult, FileThreadData } from './file-thread-program.ts';
import type { Put } from './put-part.ts';

/** Bytes of files that are on their way to the thread at a time. */
const traySize = 2 * 1024 * 1024;
/** Files up to this size go this way: many fit on the tray. */
export const mostPut = 256 * 1024;
/** Milliseconds after the last job: then its memory (some 9 MB) is given back. */
const usualPatience = 60_000;

interface Waiting {
  readonly job: FileJob;
  readonly done: (result: FileJobResult) => void;
}

/** A file that waits until there is room for it on the tray. */
interface Lined {
  readonly path: string;
  readonly bytes: Buffer;
  readonly done: (result: FileJobResult) => void;
}

/**
 * A thread that makes and names many small files: what was asked for in one turn of the event loop goes there as one
 * message, where it is a few plain system calls each. By way of the pool each of these calls wakes a thread and this
 * one, which costs more than the call (measured: 90 µs of CPU a file instead of 190).
 */
export class FileThread {
  #worker: Worker | null = null;
  #online = false;
  readonly #tray = new SharedArrayBuffer(traySize);
  #used = 0;
  /** Puts whose bytes are on the tray. */
  #onTray = 0;
  #lined: Lined[] = [];
  #gathered: Waiting[] = [];
  /** Messages that were not answered yet, the oldest first. */
  #sent: (readonly Waiting[])[] = [];
  #idle: NodeJS.Timeout | null = null;
  /** It ended by itself, or could not begin: nothing more is given to it. */
  #broken = false;
  readonly #program: typeof fileThreadProgram;
  readonly #patience: number;

  /** @param options others than these are for tests. */
  constructor({ program = fileThreadProgram, patience = usualPatience } = {}) {
    this.#program = program;
    this.#patience = patience;
  }

  /** Whether it runs already: only then a call costs less than by way of the pool. */
  get ready(): boolean {
    return this.#online;
  }

  /** Has it begin, which takes tens of milliseconds: nobody waits for it. */
  begin(): void {
    if (this.#broken || this.#worker !== null) return;
    try {
      this.#worker = this.#start();
      this.#worker.unref();
      this.#rest();
    } catch (error) {
      this.#end(String(error));
    }
  }

  /** Makes a file that is not there yet, stamped as proven. @param bytes at most `mostPut`; free again at once. */
  async put(path: string, bytes: Buffer): Promise<Put> {
    const { made, error } = await new Promise<FileJobResult>((done) => {
      this.#lined.push({ path, bytes, done });
      this.#load();
    });
    if (!made && error?.code === 'EEXIST') return { made, error: null };
    return { made, error: error === null ? null : systemError(error) };
  }

  /** @throws the system's error. */
  async rename(from: string, to: string): Promise<void> {
    const { error } = await new Promise<FileJobResult>((done) => this.#gather({ job: { rename: from, to }, done }));
    if (error !== null) throw systemError(error);
  }

  /** Puts on the tray what there is room for. */
  #load(): void {
    if (this.#onTray === 0) this.#used = 0;
    for (let next = this.#lined[0]; next !== undefined; next = this.#lined[0]) {
      const { path, bytes, done } = next;
      if (this.#used + bytes.length > traySize) return;
      this.#lined.shift();
      new Uint8Array(this.#tray, this.#used, bytes.length).set(bytes);
      this.#onTray += 1;
      const taken = (result: FileJobResult): void => {
        this.#onTray -= 1;
        done(result);
      };
      this.#gather({ job: { put: path, at: this.#used, length: bytes.length }, done: taken });
      this.#used += bytes.length;
    }
  }

  #gather(waiting: Waiting): void {
    if (this.#gathered.length === 0) setImmediate(() => this.#send());
    this.#gathered.push(waiting);
  }

  #send(): void {
    const batch = this.#gathered;
    this.#gathered = [];
    this.#sent.push(batch);
    if (this.#broken) return this.#end('it has ended before');
    try {
      this.#worker ??= this.#start();
      // While somebody waits for it, the process goes on.
      this.#worker.ref();
      this.#worker.postMessage(
        batch.map(({ job }) => job),
        [],
      );
    } catch (error) {
      this.#end(String(error));
    }
  }

  #start(): Worker {
    const workerData: FileThreadData = { tray: this.#tray, stamp: proven / 1000 };
    const text = `(${this.#program.toString()})(require('node:worker_threads'), require('node:fs'))`;
    const worker = new Worker(text, {
      eval: true,
      workerData,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32, codeRangeSizeMb: 4, stackSizeMb: 1 },
    });
    worker.on('online', () => (this.#online = this.#worker === worker));
    worker.on('message', (results: readonly FileJobResult[]) => this.#answered(results));
    worker.on('error', (error) => this.#end(String(error)));
    worker.on('exit', () => this.#worker === worker && this.#end('it is gone'));
    return worker;
  }

  #answered(results: readonly FileJobResult[]): void {
    const batch = this.#sent.shift() ?? [];
    for (const [place, { done }] of batch.entries()) done(results[place] ?? { made: true, error: lost('no answer') });
    this.#load();
    if (this.#sent.length > 0) return;
    this.#worker?.unref();
    this.#rest();
  }

  /** It ends unless it is given more to do. */
  #rest(): void {
    this.#idle ??= setTimeout(() => this.#stop(), this.#patience).unref();
    this.#idle.refresh();
  }

  #stop(): void {
    this.#idle = null;
    if (this.#sent.length > 0) return;
    const worker = this.#worker;
    this.#worker = null;
    this.#online = false;
    void worker?.terminate();
  }

  /** What it was given last may be done, or not: a file that may be there is taken to be its own, and removed. */
  #end(reason: string): void {
    this.#broken = true;
    this.#worker = null;
    this.#online = false;
    const [sent, lined] = [this.#sent.flat(), this.#lined];
    [this.#sent, this.#lined] = [[], []];
    for (const { done } of sent) done({ made: true, error: lost(reason) });
    for (const { done } of lined) done({ made: false, error: lost(reason) });
  }
}

function lost(reason: string): { code: string; message: string } {
  return { code: 'EIO', message: `EIO: the thread that writes files has ended (${reason})` };
}

function systemError({ code, message }: { readonly code: string; readonly message: string }): Error {
  return Object.assign(new Error(message), { code });
}
