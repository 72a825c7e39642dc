import { Worker } from 'node:worker_threads';
import type { Renaming } from './rename-each.ts';
import { proven } from './file-facts.ts';
import { fileThreadProgram } from './file-thread-program.ts';
import type { FileJobsAnswer, FileThreadData } from './file-thread-program.ts';
import type { PlainProgram } from '../base/plain-get.ts';
import { ThreadGets } from './thread-gets.ts';
import type { Fetch, GetsAnswer, GetsMessage } from './thread-gets.ts';
import { messageOf, PutJob, RenameJob } from './file-jobs.ts';
import type { Failure, Job } from './file-jobs.ts';
import type { Put } from './put-part.ts';

/** Bytes of files that are on their way to the thread at a time. */
const traySize = 2 * 1024 * 1024;
/** Files up to this size go this way: many fit on the tray. */
export const mostPut = 256 * 1024;
/** Milliseconds after the last job: then its memory (some 9 MB) is given back. */
const usualPatience = 60_000;
/**
 * Messages on their way at a time: one that is worked on, one that the thread finds when it has done that. What comes
 * meanwhile gathers for the next, for each message costs two wake-ups.
 */
const mostMessages = 2;
/** Milliseconds from one message to the next, for the same reason: who puts one file alone does not wait. */
const apart = 2;

/**
 * A thread that makes and names many small files: what was asked for while it was busy goes there as one message, where
 * it is a few plain system calls each. By way of the pool each of these calls wakes a thread and this one, which costs
 * more than the call (measured: 90 µs of CPU a file instead of 190).
 */
export class FileThread {
  #worker: Worker | null = null;
  #online = false;
  readonly #tray = new SharedArrayBuffer(traySize);
  readonly #trayBytes = new Uint8Array(this.#tray);
  #used = 0;
  /** Puts whose bytes are on the tray. */
  #onTray = 0;
  /** Files that wait until there is room for them on the tray. */
  #lined: PutJob[] = [];
  #gathered: Job[] = [];
  /** Messages that were not answered yet, the oldest first. */
  #sent: (readonly Job[])[] = [];
  #sending = false;
  #lastSent = -Infinity;
  #idle: NodeJS.Timeout | null = null;
  /** It ended by itself, or could not begin: nothing more is given to it. */
  #broken = false;
  readonly #program: typeof fileThreadProgram;
  readonly #patience: number;
  readonly #getting: PlainProgram | null;
  readonly #gets = new ThreadGets((message) => this.#post(message));

  /** @param options `getting` sends GETs; others than these are for tests. */
  constructor({ program = fileThreadProgram, patience = usualPatience, getting = null as PlainProgram | null } = {}) {
    this.#program = program;
    this.#patience = patience;
    this.#getting = getting;
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
    } catch (error) {
      this.#end(String(error));
    }
  }

  /** Makes a file that is not there yet, stamped as proven. @param bytes at most `mostPut`; free again when it resolves. */
  put(path: string, bytes: Buffer): Promise<Put> {
    return new Promise((resolve) => {
      this.#lined.push(new PutJob(path, bytes, resolve));
      this.#load();
    });
  }

  /** @throws the system's error. */
  async rename(from: string, to: string): Promise<void> {
    const [error = null] = await this.renameAll([{ from, to }]);
    if (error !== null) throw error;
  }

  /** @returns the system's error of each, in their order; null: it has its name. */
  renameAll(names: readonly Renaming[]): Promise<readonly (Error | null)[]> {
    return new Promise((resolve) => this.#gather(new RenameJob(names, resolve)));
  }

  /** Has a small file fetched. @returns false, and nothing is done, when it cannot. */
  fetch(fetch: Fetch): boolean {
    if (this.#getting === null || !this.#online || fetch.size > mostPut) return false;
    this.#gets.add(fetch);
    return true;
  }

  /** Gives up what is being fetched: it ends soon. */
  cutFetches(): void {
    this.#gets.cut();
  }

  /** Puts on the tray what there is room for. */
  #load(): void {
    if (this.#onTray === 0) this.#used = 0;
    let loaded = 0;
    for (const job of this.#lined) {
      if (job.bytes === null || this.#used + job.length > traySize) break;
      this.#trayBytes.set(job.bytes, this.#used);
      job.at = this.#used;
      job.bytes = null;
      this.#used += job.length;
      this.#onTray += 1;
      loaded += 1;
      this.#gather(job);
    }
    if (loaded === this.#lined.length) this.#lined.length = 0;
    else if (loaded > 0) this.#lined.splice(0, loaded);
  }

  #gather(job: Job): void {
    this.#gathered.push(job);
    if (!this.#sending && this.#sent.length < mostMessages) this.#sendLater();
  }

  /** With what else comes until then, at least in this turn of the event loop. */
  #sendLater(): void {
    this.#sending = true;
    const send = (): void => {
      this.#sending = false;
      this.#send();
    };
    const wait = this.#lastSent + apart - performance.now();
    if (wait > 0) setTimeout(send, wait);
    else setImmediate(send);
  }

  #send(): void {
    const batch = this.#gathered;
    if (batch.length === 0) return;
    this.#gathered = [];
    this.#sent.push(batch);
    this.#lastSent = performance.now();
    this.#post(messageOf(batch));
  }

  #post(message: (string | number)[] | GetsMessage): void {
    if (this.#broken) return this.#end('it has ended before');
    try {
      this.#worker ??= this.#start();
      // While somebody waits for it, the process goes on.
      this.#worker.ref();
      this.#worker.postMessage(message, []);
    } catch (error) {
      this.#end(String(error));
    }
  }

  #start(): Worker {
    const workerData: FileThreadData = { tray: this.#tray, stamp: proven / 1000 };
    const getting = this.#getting === null ? 'null' : `{ program: ${this.#getting.toString()}, load: require }`;
    const text = `(${this.#program.toString()})(require('node:worker_threads'), require('node:fs'), ${getting})`;
    const worker = new Worker(text, {
      eval: true,
      workerData,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32, codeRangeSizeMb: 4, stackSizeMb: 1 },
    });
    worker.on('online', () => {
      this.#online = this.#worker === worker;
      if (this.#online && !this.#busy) this.#rest();
    });
    worker.on('message', (answer: FileJobsAnswer | GetsAnswer) => {
      if (answer !== null && 'ended' in answer) this.#gets.answered(answer);
      else this.#answered(answer);
      if (!this.#busy) this.#rest();
    });
    worker.on('error', (error) => this.#end(String(error)));
    worker.on('exit', () => this.#worker === worker && this.#end('it is gone'));
    return worker;
  }

  #answered(answer: FileJobsAnswer): void {
    const batch = this.#sent.shift() ?? [];
    let place = 0;
    const failureOf = (at: number): Failure | null => answer?.find((failure) => failure.job === at) ?? null;
    for (const job of batch) {
      const first = place;
      if (job instanceof PutJob) {
        this.#onTray -= 1;
        job.done(failureOf(first));
        place += 1;
      } else {
        job.done((at) => failureOf(first + at));
        place += job.names.length;
      }
    }
    this.#load();
    if (this.#gathered.length > 0 && !this.#sending) this.#sendLater();
  }

  /** Something is waited for. */
  get #busy(): boolean {
    return this.#sent.length > 0 || this.#gets.busy;
  }

  /** It ends unless it is given more to do. */
  #rest(): void {
    this.#worker?.unref();
    this.#idle ??= setTimeout(() => this.#stop(), this.#patience).unref();
    this.#idle.refresh();
  }

  #stop(): void {
    this.#idle = null;
    if (this.#busy) return;
    const worker = this.#worker;
    this.#worker = null;
    this.#online = false;
    this.#gets.lost();
    void worker?.terminate();
  }

  /** What it was given last may be done, or not: a file that may be there is taken to be its own, and removed. */
  #end(reason: string): void {
    this.#broken = true;
    this.#worker = null;
    this.#online = false;
    const [sent, waiting] = [this.#sent.flat(), [...this.#gathered, ...this.#lined]];
    [this.#sent, this.#gathered, this.#lined, this.#onTray] = [[], [], [], 0];
    const lost = { code: 'EIO', message: `EIO: the thread that writes files has ended (${reason})` };
    const fail = (job: Job, made: boolean): void => {
      if (job instanceof PutJob) job.done({ made, ...lost });
      else job.done(() => ({ made, ...lost }));
    };
    for (const job of sent) fail(job, true);
    for (const job of waiting) fail(job, false);
    this.#gets.lost();
  }
}
