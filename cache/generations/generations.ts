import { join } from 'node:path';
import { parseDigest } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { GenerationDocument } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import { diskError, replaceFile } from '../disk/disk.ts';
import type { Disk } from '../disk/disk.ts';
import { DurableNames } from '../disk/durable-names.ts';
import type { Layout } from '../disk/layout.ts';

/** `current.json`: which generation each subscription serves. The one file that a flip replaces. */
interface CurrentFile {
  readonly format: 1;
  readonly current: Readonly<Record<string, string>>;
}

/** The generation documents of this PoP: on disk, and in memory as they are there. */
export class Generations {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #documents: Map<string, readonly GenerationDocument[]>;
  readonly #names: DurableNames;
  #current: Readonly<Record<string, string>>;
  /** Flips of several subscriptions share one file: one after the other. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    disk: Disk,
    layout: Layout,
    documents: Map<string, readonly GenerationDocument[]>,
    current: Record<string, string>,
  ) {
    this.#disk = disk;
    this.#layout = layout;
    this.#documents = documents;
    this.#names = new DurableNames(disk, layout.generations);
    this.#current = current;
  }

  /** Reads what is there. A document that cannot be read is passed over and logged: the others are served. */
  static async load(disk: Disk, layout: Layout, log: Logger): Promise<Generations> {
    const documents = new Map<string, readonly GenerationDocument[]>();
    for (const subscription of await listed(disk, layout.generations, log)) {
      const folder = layout.generationFolder(subscription);
      const found: GenerationDocument[] = [];
      for (const name of await listed(disk, folder, log)) {
        if (!name.endsWith('.json')) continue;
        const id = name.slice(0, -'.json'.length);
        const document = await readDocument(disk, { path: join(folder, name), subscription, id }, log);
        if (document !== null) found.push(document);
      }
      if (found.length > 0) documents.set(subscription, found.toSorted(newestFirst));
    }
    return new Generations(disk, layout, documents, await readCurrent(disk, layout, documents, log));
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

  /** Makes a generation the current one of its subscription; durable when it resolves. */
  publish(document: GenerationDocument): Promise<void> {
    const done = this.#writing.then(() => this.#publish(document));
    this.#writing = done.catch(() => {});
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
      // The folder's own name: a process that was killed may have made it, and not synced that.
      await this.#names.settle(this.#layout.generations);
      await this.#writeCurrent(current);
    } catch (error) {
      this.#names.doubt();
      throw diskError(error, path);
    }
    const others = this.kept(subscription).filter((kept) => kept.id !== id);
    this.#documents.set(subscription, [document, ...others].toSorted(newestFirst));
    this.#current = current;
  }
}

function encoded(document: GenerationDocument): Buffer {
  return Buffer.from(`${JSON.stringify(document)}\n`);
}

/** Ids begin with their time, so that they sort by it; of one second, the time with milliseconds decides. */
function newestFirst(one: GenerationDocument, other: GenerationDocument): number {
  return Date.parse(other.created) - Date.parse(one.created) || (other.id < one.id ? -1 : 1);
}

/** A folder that cannot be listed holds back nothing but what is in it. */
async function listed(disk: Disk, folder: string, log: Logger): Promise<readonly string[]> {
  try {
    return (await disk.list(folder)).toSorted();
  } catch (error) {
    log.error({ path: folder, error: diskError(error, folder).message }, 'a folder of generations cannot be listed');
    return [];
  }
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
