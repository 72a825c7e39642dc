import { digestOf } from '../../base/digest.ts';
import type { Algorithm, Digest, Listed } from '../../base/digest.ts';
import { asWaystationError } from '../../base/errors.ts';
import type { GenerationDocument } from '../../base/generation.ts';
import { silentLogger } from '../../base/log.ts';
import { silentMeter } from '../../base/metrics.ts';
import type { PackageEntry } from '../../base/package-entry.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { memoryNotes } from '../../cache/notes.ts';
import { Store } from '../../cache/store.ts';
import type { StoreOptions } from '../../cache/store.ts';
import { roomy } from '../cache/pieces.ts';
import type { Seeded } from '../simulation/seeded.ts';
import { RecordedFiles } from '../support/recorded-files.ts';
import { RecordingDisk } from '../support/recording-disk.ts';
import type { RecordingDiskOptions } from '../support/recording-disk.ts';
import { StandingClock } from '../support/standing-clock.ts';

export const layout = new Layout('/state');

/** A file of a world: what lists it, and its right bytes. */
export interface KnownFile {
  readonly scope: string;
  readonly listed: Listed;
  readonly bytes: Buffer;
}

/** A package map of a world, and its right entries by name. */
export interface KnownMap {
  readonly primary: Digest;
  readonly entries: readonly PackageEntry[];
}

/** An unlisted file: its versions in the order in which they came to be. */
export interface KnownUnlisted {
  readonly repository: string;
  readonly file: string;
  readonly versions: readonly Buffer[];
}

/** What a caller was told is durable. */
export type Fact =
  | { readonly kind: 'file'; readonly file: KnownFile }
  | { readonly kind: 'map'; readonly map: KnownMap };

/** One try to replace something: which, when one was told to be durable, is not found in an older state again. */
export interface Replacement<T> {
  readonly by: T;
  /** Changes of the disk that had been made when it began … */
  readonly began: number;
  /** … and when it was told to be durable; null: it never was. */
  resolved: number | null;
}

/** How a store is started otherwise than for checks. */
export type Settings = Partial<Pick<StoreOptions, 'limits' | 'rules' | 'openTree'>>;

/** A store that runs, with what it runs on. */
export interface Running {
  readonly store: Store;
  readonly disk: RecordingDisk;
  readonly clock: StandingClock;
  /** Times that this unlisted file was said to be kept. */
  readonly kept: (unlisted: KnownUnlisted) => number;
}

/** Starts the real store on files. @throws what `Store.open` throws. */
export async function start(files: RecordedFiles, options: RecordingDiskOptions): Promise<Running> {
  const disk = new RecordingDisk(files, options);
  return open(disk);
}

/** Starts the real store on a disk. */
export async function open(disk: RecordingDisk, settings: Settings = {}): Promise<Running> {
  const clock = new StandingClock(Date.now());
  const noted: string[] = [];
  const notes = memoryNotes();
  const put = (key: string, value: unknown): Promise<void> => {
    noted.push(key);
    return notes.put(key, value);
  };
  const store = await Store.open({
    root: layout.root,
    limits: roomy,
    clock,
    log: silentLogger,
    meter: silentMeter,
    disk,
    notes: { ...notes, put, inMemory: true },
    lock: async () => ({ release: () => {} }),
    ...settings,
  });
  const kept = ({ repository, file }: KnownUnlisted): number =>
    noted.filter((key) => key.endsWith(`\n${repository}\n${file}`)).length;
  return { store, disk, clock, kept };
}

/** What a world knows: right bytes, and what callers were told when. Outlives processes. */
export class Machine {
  readonly random: Seeded;
  readonly files: RecordedFiles;
  readonly known: KnownFile[] = [];
  readonly maps: KnownMap[] = [];
  readonly unlisted: KnownUnlisted[] = [];
  readonly facts: { readonly fact: Fact; readonly at: number }[] = [];
  readonly publications: Replacement<GenerationDocument>[] = [];
  readonly fetches: Replacement<{ readonly unlisted: KnownUnlisted; readonly version: number }>[] = [];
  /** How its processes are started; checks have room for everything, and remove nothing. */
  settings: Settings = {};
  /** What a process may remove, of what callers were told is durable. */
  readonly mayGo = new Set<KnownFile | KnownMap>();
  /** Ids of generations that a process may retire. */
  readonly mayRetire = new Set<string>();
  /** Codes of the failures that callers were told of. */
  readonly failures: string[] = [];

  constructor(random: Seeded) {
    this.random = random;
    this.files = new RecordedFiles();
  }

  file(size: number, algorithm: Algorithm = 'sha256', scope = 'open'): KnownFile {
    return this.named(this.random.bytes(size), algorithm, scope);
  }

  /** A file of these bytes. */
  named(bytes: Buffer, algorithm: Algorithm, scope: string): KnownFile {
    const file = { scope, bytes, listed: { digest: digestOf(bytes, algorithm), size: bytes.length } };
    this.known.push(file);
    return file;
  }

  /** The bytes of a file that its upstream gives a disk which fetches it. */
  readonly upstream = (sha256: string): Buffer | null =>
    this.known.find(({ listed }) => listed.digest === `sha256:${sha256}`)?.bytes ?? null;

  /** Waits for what a caller asked for, and writes down what it was told. */
  async told(fact: Fact, promise: Promise<unknown>): Promise<void> {
    try {
      await promise;
      this.facts.push({ fact, at: this.files.journal.length });
    } catch (error) {
      this.failures.push(asWaystationError(error).code);
    }
  }

  /** @returns null when the caller was told of a failure. */
  async tried<T>(promise: Promise<T>): Promise<T | null> {
    try {
      return await promise;
    } catch (error) {
      this.failures.push(asWaystationError(error).code);
      return null;
    }
  }

  async published(document: GenerationDocument, publish: () => Promise<void>): Promise<void> {
    const began = this.files.journal.length;
    const publication: Replacement<GenerationDocument> = { by: document, began, resolved: null };
    this.publications.push(publication);
    try {
      await publish();
      publication.resolved = this.files.journal.length;
    } catch (error) {
      this.failures.push(asWaystationError(error).code);
    }
  }

  /** @param fetch says whether the version was kept. */
  async fetched(unlisted: KnownUnlisted, version: number, fetch: () => Promise<boolean>): Promise<void> {
    const began = this.files.journal.length;
    const fetched: Machine['fetches'][number] = { by: { unlisted, version }, began, resolved: null };
    this.fetches.push(fetched);
    if (await fetch()) fetched.resolved = this.files.journal.length;
  }
}
