import { join } from 'node:path';
import { parseDigest } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { GenerationDocument } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import { diskError, replaceFile } from '../disk/disk.ts';
import type { Disk } from '../disk/disk.ts';
import type { Layout } from '../disk/layout.ts';

/** `current.json`: which generation each subscription serves. The one file that a flip replaces. */
interface CurrentFile {
  readonly format: 1;
  readonly current: Readonly<Record<string, string>>;
}

/** What was found on disk. */
interface Found {
  readonly documents: Map<string, readonly GenerationDocument[]>;
  readonly unreadable: readonly Unreadable[];
}

/** A document, or a folder of them, that cannot be read: what it refers to is not known. */
export interface Unreadable {
  readonly path: string;
  /** null: the folder of all subscriptions. */
  readonly subscription: string | null;
}

/** The generation documents of this PoP: on disk, and in memory as they are there. */
export class Generations {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #log: Logger;
  readonly #documents: Map<string, readonly GenerationDocument[]>;
  #unreadable: readonly Unreadable[];
  #current: Readonly<Record<string, string>>;
  /** Grows with every change of the kept documents. */
  version = 0;
  /** Flips of several subscriptions share one file: one after the other. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    { disk, layout, log }: { disk: Disk; layout: Layout; log: Logger },
    { documents, unreadable }: Found,
    current: Record<string, string>,
  ) {
    this.#disk = disk;
    this.#layout = layout;
    this.#log = log;
    this.#documents = documents;
    this.#unreadable = unreadable;
    this.#current = current;
  }

  /** Reads what is there. A document that cannot be read is passed over and logged: the others are served. */
  static async load(disk: Disk, layout: Layout, log: Logger): Promise<Generations> {
    const found = await readAll(disk, layout, log, () => null);
    return new Generations({ disk, layout, log }, found, await readCurrent(disk, layout, found.documents, log));
  }

  subscriptions(): readonly string[] {
    return [...this.#documents.keys()];
  }

  current(subscription: string): GenerationDocument | null {
    const id = this.#current[subscription];
    return this.kept(subscription).find((document) => document.id === id) ?? null;
  }

  /** Every kept generation of a subscription, newest first, the current one among them. */
  kept(subscription: string): readonly GenerationDocument[] {
    return this.#documents.get(subscription) ?? [];
  }

  find(id: string): GenerationDocument | null {
    for (const documents of this.#documents.values()) {
      const found = documents.find((document) => document.id === id);
      if (found !== undefined) return found;
    }
    return null;
  }

  /** What could not be read at the last try: as long as there is any, nothing is known to be garbage. */
  get unreadable(): readonly Unreadable[] {
    return this.#unreadable;
  }

  /** Reads again what could not be read. @returns whether there are documents more than before. */
  reread(): Promise<boolean> {
    return this.#oneAtATime(async () => {
      if (this.#unreadable.length === 0) return false;
      const known = (subscription: string, id: string): GenerationDocument | null =>
        this.kept(subscription).find((document) => document.id === id) ?? null;
      const { documents, unreadable } = await readAll(this.#disk, this.#layout, this.#log, known);
      let more = false;
      for (const [subscription, found] of documents) {
        const before = this.kept(subscription);
        const others = found.filter(({ id }) => known(subscription, id) === null);
        if (others.length === 0) continue;
        this.#documents.set(subscription, [...before, ...others].toSorted(newestFirst));
        more = true;
      }
      this.#unreadable = unreadable;
      if (more) this.version += 1;
      return more;
    });
  }

  /**
   * Removes a generation, durably, unless it is the current one. It is kept in memory until it is sure to be gone.
   * @returns false when it is current or not here. @throws WaystationError when the disk refuses.
   */
  retire({ subscription, id }: GenerationDocument): Promise<boolean> {
    return this.#oneAtATime(async () => {
      const kept = this.kept(subscription);
      const others = kept.filter((document) => document.id !== id);
      if (this.#current[subscription] === id || others.length === kept.length) return false;
      const path = this.#layout.generation(subscription, id);
      try {
        await this.#disk.unlink(path);
        await this.#disk.syncFolder(this.#layout.generationFolder(subscription));
      } catch (error) {
        throw diskError(error, path);
      }
      this.#documents.set(subscription, others);
      this.version += 1;
      return true;
    });
  }

  /** Makes a generation the current one of its subscription; durable when it resolves. */
  publish(document: GenerationDocument): Promise<void> {
    return this.#oneAtATime(() => this.#publish(document));
  }

  #oneAtATime<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#writing.then(work);
    this.#writing = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  /** Puts back what was removed from the disk by other hands. @throws the disk's error */
  restore(): Promise<void> {
    const done = this.#writing.then(async () => {
      for (const [subscription, documents] of this.#documents) {
        await this.#disk.makeFolder(this.#layout.generationFolder(subscription));
        for (const document of documents) {
          const path = this.#layout.generation(subscription, document.id);
          if ((await this.#disk.facts(path)) === null) await replaceFile(this.#disk, path, encoded(document));
        }
      }
      const gone = this.#documents.size > 0 && (await this.#disk.facts(this.#layout.current)) === null;
      if (gone) await this.#writeCurrent(this.#current);
    });
    this.#writing = done.catch(() => {});
    return done;
  }

  #writeCurrent(current: Readonly<Record<string, string>>): Promise<void> {
    const file: CurrentFile = { format: 1, current };
    return replaceFile(this.#disk, this.#layout.current, Buffer.from(`${JSON.stringify(file, null, 2)}\n`));
  }

  async #publish(document: GenerationDocument): Promise<void> {
    const { subscription, id } = document;
    const path = this.#layout.generation(subscription, id);
    const current = { ...this.#current, [subscription]: id };
    try {
      await this.#disk.makeFolder(this.#layout.generationFolder(subscription));
      await replaceFile(this.#disk, path, encoded(document));
      await this.#writeCurrent(current);
    } catch (error) {
      throw diskError(error, path);
    }
    const others = this.kept(subscription).filter((kept) => kept.id !== id);
    this.#documents.set(subscription, [document, ...others].toSorted(newestFirst));
    this.#current = current;
    this.version += 1;
  }
}

function encoded(document: GenerationDocument): Buffer {
  return Buffer.from(`${JSON.stringify(document)}\n`);
}

/** Ids begin with their time, so that they sort by it; of one second, the time with milliseconds decides. */
function newestFirst(one: GenerationDocument, other: GenerationDocument): number {
  return Date.parse(other.created) - Date.parse(one.created) || (other.id < one.id ? -1 : 1);
}

/**
 * Every document on disk; what cannot be read is passed over and named.
 * @param known the document if it need not be read.
 */
async function readAll(
  disk: Disk,
  layout: Layout,
  log: Logger,
  known: (subscription: string, id: string) => GenerationDocument | null,
): Promise<Found> {
  const documents = new Map<string, readonly GenerationDocument[]>();
  const unreadable: Unreadable[] = [];
  const list = async (path: string, subscription: string | null): Promise<readonly string[]> => {
    try {
      return (await disk.list(path)).toSorted();
    } catch (error) {
      unreadable.push({ path, subscription });
      log.error({ path, error: diskError(error, path).message }, 'a folder of generations cannot be listed');
      return [];
    }
  };
  for (const subscription of await list(layout.generations, null)) {
    const folder = layout.generationFolder(subscription);
    const found: GenerationDocument[] = [];
    for (const name of await list(folder, subscription)) {
      if (!name.endsWith('.json')) continue;
      const id = name.slice(0, -'.json'.length);
      const path = join(folder, name);
      const document = known(subscription, id) ?? (await readDocument(disk, { path, subscription, id }, log));
      if (document !== null) found.push(document);
      // Under another name than documents have it is somebody's own file.
      else if (/^\d{8}T\d{6}Z-[0-9a-f]{8}$/.test(id)) unreadable.push({ path, subscription });
    }
    if (found.length > 0) documents.set(subscription, found.toSorted(newestFirst));
  }
  return { documents, unreadable };
}

async function readDocument(
  disk: Disk,
  named: { path: string; subscription: string; id: string },
  log: Logger,
): Promise<GenerationDocument | null> {
  try {
    const bytes = await disk.readFile(named.path);
    const document = JSON.parse(bytes?.toString() ?? '') as GenerationDocument | null;
    const whole =
      document?.format === 1 &&
      document.id === named.id &&
      document.subscription === named.subscription &&
      isObject(document.repositories) &&
      Object.values(document.repositories).every(isRepository);
    if (!whole) throw new WaystationError('blob_damaged', 'no generation document of this format and name');
    return document;
  } catch (error) {
    log.error({ path: named.path, error: String(error) }, 'a generation document cannot be read');
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Whether what serving reads without asking is there; what a version before wrote has all of it. */
function isRepository(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { scope, repomd, records } = value;
  return typeof scope === 'string' && isListed(repomd) && isObject(records) && Object.values(records).every(isListed);
}

function isListed(value: unknown): boolean {
  return (
    isObject(value) && parseDigest(String(value['digest'])) === value['digest'] && Number.isSafeInteger(value['size'])
  );
}

async function readCurrent(
  disk: Disk,
  layout: Layout,
  documents: ReadonlyMap<string, readonly GenerationDocument[]>,
  log: Logger,
): Promise<Record<string, string>> {
  const current: Record<string, string> = {};
  // Without a readable current.json, or with one that names a lost document, the newest is the best guess.
  for (const [subscription, [newest]] of documents) if (newest !== undefined) current[subscription] = newest.id;
  try {
    const bytes = await disk.readFile(layout.current);
    if (bytes === null) return current;
    const file = JSON.parse(bytes.toString()) as CurrentFile;
    for (const [subscription, id] of Object.entries(file.current)) {
      if (documents.get(subscription)?.some((document) => document.id === id)) current[subscription] = id;
      else log.error({ subscription, id }, 'the current generation is lost; the newest that is left is served');
    }
  } catch (error) {
    log.error(
      { path: layout.current, error: String(error) },
      'current.json cannot be read; the newest generations are served',
    );
  }
  return current;
}
