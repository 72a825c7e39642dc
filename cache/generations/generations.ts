import type { GenerationDocument } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import { diskError, replaceFile } from '../disk/disk.ts';
import type { Disk } from '../disk/disk.ts';
import { DurableNames } from '../disk/durable-names.ts';
import type { Layout } from '../disk/layout.ts';
import { encodeDocument, newestFirst, readAll, readCurrent } from './documents.ts';
import type { CurrentFile, Found, Unreadable } from './documents.ts';

/** The generation documents of this PoP: on disk, and in memory as they are there. */
export class Generations {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #log: Logger;
  readonly #documents: Map<string, readonly GenerationDocument[]>;
  readonly #names: DurableNames;
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
    this.#names = new DurableNames(disk, layout.generations);
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
    return this.#oneAtATime(async () => {
      for (const [subscription, documents] of this.#documents) {
        await this.#disk.makeFolder(this.#layout.generationFolder(subscription));
        for (const document of documents) {
          const path = this.#layout.generation(subscription, document.id);
          if ((await this.#disk.facts(path)) === null) await replaceFile(this.#disk, path, encodeDocument(document));
        }
      }
      const gone = this.#documents.size > 0 && (await this.#disk.facts(this.#layout.current)) === null;
      if (gone) await this.#writeCurrent(this.#current);
    });
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
      await replaceFile(this.#disk, path, encodeDocument(document));
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
    this.version += 1;
  }
}
