import type { Level } from 'level';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Counter, Meter } from '../base/metrics.ts';
import type { Disk } from '../disk/disk.ts';
import type { Layout } from './disk/layout.ts';
import type { Notes } from './notes.ts';

type Database = Level<string, unknown>;

/** How long readers wait for the database to open, milliseconds from the start; then they are told what memory has. */
const openingPatience = 1_000;
/** After a failure the disk is tried again this much later; so long after a new beginning there is no other. */
const retryAfter = 60_000;

/**
 * Notes in LevelDB below `index/`. One that will not open, or that fails for being damaged, is moved aside (to
 * `index.damaged`, in the place of the one before) and begun anew, also while the service runs. While the disk keeps
 * none, notes stay in memory and are written once it does. Nothing throws, and what is served waits for none of it.
 */
export class IndexNotes implements Notes {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #rebuilt: Counter;
  /** What the database does not have, or not yet. */
  readonly #unwritten = new Map<string, unknown>();
  readonly #began: number;
  #level: Database | null = null;
  /** Settles when the database is open, or will not be for now. Never rejects. */
  #opening: Promise<void>;
  #tried: number;
  #anew = -Infinity;
  #told = false;
  #closing = false;
  #writing: Promise<void> = Promise.resolve();

  /** Opens the database in the background. */
  constructor(options: { disk: Disk; layout: Layout; log: Logger; clock: Clock; meter: Meter }) {
    this.#disk = options.disk;
    this.#layout = options.layout;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#rebuilt = options.meter.counter(
      'index_rebuilt_total',
      'Times that the index of notes was damaged, moved aside and begun anew',
    );
    this.#began = this.#clock.monotonic();
    this.#tried = this.#began;
    this.#opening = this.#open();
  }

  /** Whether notes are kept in memory only, until the disk takes them. */
  get inMemory(): boolean {
    return this.#level === null;
  }

  async get(key: string): Promise<unknown> {
    if (this.#unwritten.has(key)) return this.#unwritten.get(key) ?? null;
    if (this.#level === null) await this.#openInTime();
    const level = this.#level;
    if (level === null) return this.#unwritten.get(key) ?? null;
    try {
      return (await level.get(key)) ?? null;
    } catch (error) {
      this.#failed(level, error);
      return null;
    }
  }

  /** A reader has the value at once; resolves when it was written, or stays in memory for now. */
  put(key: string, value: unknown): Promise<void> {
    this.#unwritten.set(key, value);
    // One after the other: LevelDB writes on several threads, and of two notes under one key the later must stay.
    this.#writing = this.#writing.then(() => this.#write(key));
    return this.#writing;
  }

  async close(): Promise<void> {
    await this.#writing;
    this.#closing = true;
    await this.#opening;
    const level = this.#level;
    this.#level = null;
    await level?.close();
  }

  async #write(key: string): Promise<void> {
    await this.#ready();
    const level = this.#level;
    if (level === null) return;
    try {
      await this.#writeTo(level, key);
    } catch (error) {
      this.#failed(level, error);
    }
  }

  async #writeTo(level: Database, key: string): Promise<void> {
    if (!this.#unwritten.has(key)) return;
    const value = this.#unwritten.get(key);
    await level.put(key, value);
    if (this.#unwritten.get(key) === value) this.#unwritten.delete(key);
  }

  /** Tries again to open the database when the last try is some time ago. */
  #ready(): Promise<void> {
    if (this.#level === null && !this.#closing && this.#clock.monotonic() - this.#tried >= retryAfter) {
      this.#tried = this.#clock.monotonic();
      this.#opening = this.#opening.then(() => (this.#level === null ? this.#open() : undefined));
    }
    return this.#opening;
  }

  async #openInTime(): Promise<void> {
    const opened = this.#ready();
    const left = this.#began + openingPatience - this.#clock.monotonic();
    if (left <= 0) return;
    const timer = new AbortController();
    await Promise.race([opened, this.#clock.sleep(left, timer.signal).catch(() => {})]);
    timer.abort();
  }

  /** Lets go of a database that failed, and opens it or a new one; not a second time at once. */
  #failed(level: Database, error: unknown): void {
    if (this.#level !== level || this.#closing) return;
    this.#level = null;
    const now = this.#clock.monotonic();
    const damaged = isDamage(error);
    const again = now - (damaged ? this.#anew : this.#tried) >= retryAfter;
    this.#tried = now;
    if (!damaged || !again) this.#tell(error);
    this.#opening = level
      .close()
      .catch(() => {})
      .then(() => (again ? (damaged ? this.#beginAnew(error) : this.#open()) : undefined));
  }

  async #open(): Promise<void> {
    try {
      await this.#openAsItIs();
    } catch (error) {
      if (error instanceof NoDatabase || !isDamage(error)) this.#tell(error);
      else await this.#beginAnew(error);
    }
  }

  async #openAsItIs(): Promise<void> {
    const level = await openLevel(this.#layout.index);
    try {
      for (const key of this.#unwritten.keys()) await this.#writeTo(level, key);
    } catch (error) {
      await level.close();
      throw error;
    }
    this.#level = level;
    this.#told = false;
  }

  async #beginAnew(error: unknown): Promise<void> {
    const { index } = this.#layout;
    const aside = `${index}.damaged`;
    try {
      await removeTree(this.#disk, aside);
      await this.#disk.rename(index, aside);
      this.#anew = this.#clock.monotonic();
      this.#rebuilt.inc({});
      this.#log.warn({ path: index, error: reason(error) }, 'the index is damaged: moved aside and begun anew');
      await this.#openAsItIs();
    } catch (failure) {
      this.#tell(failure);
    }
  }

  /** Once for each time that the disk stops to keep notes. */
  #tell(error: unknown): void {
    if (this.#told) return;
    this.#told = true;
    const { index } = this.#layout;
    this.#log.warn({ path: index, error: reason(error) }, 'the index cannot be kept on disk; notes stay in memory');
  }
}

/** LevelDB itself cannot be loaded: nothing is wrong with what it wrote. */
class NoDatabase extends Error {}

async function openLevel(path: string): Promise<Database> {
  // Loaded when first needed: the native addon takes its time.
  const { Level } = await import('level').catch((cause: unknown) => {
    throw new NoDatabase('LevelDB cannot be loaded', { cause });
  });
  const level: Database = new Level(path, { valueEncoding: 'json' });
  await level.open();
  return level;
}

/** Whether a database failed for what it is, not for a disk that refuses everything or a process short of resources. */
function isDamage(error: unknown): boolean {
  return !/no space left|quota|read-only file system|too many open files|cannot allocate/i.test(reason(error));
}

async function removeTree(disk: Disk, path: string): Promise<void> {
  const { rm } = await import('node:fs/promises');
  if ((await disk.facts(path)) !== null) await rm(path, { recursive: true, force: true });
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
