import type { Clock } from '../../base/clock.ts';
import { systemClock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { GenerationDocument } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import { diskError, replaceFile } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { DurableNames } from '../../disk/durable-names.ts';
import type { Layout } from '../disk/layout.ts';
import { encodeCurrents, flipped, pruned, readCurrents } from './current-file.ts';
import type { Currents } from './current-file.ts';
import { encodeDocument, newestFirst, readAll } from './documents.ts';
import type { Found, Unreadable } from './documents.ts';
import { readPins, writePins } from './pins.ts';

/** What a rollback or a release did. */
export interface Switch {
  readonly before: GenerationDocument;
  readonly now: GenerationDocument;
  /** false: it was so already. */
  readonly changed: boolean;
}

/** The generation documents of this PoP: on disk, and in memory as they are there. */
export class Generations {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #log: Logger;
  readonly #documents: Map<string, readonly GenerationDocument[]>;
  readonly #names: DurableNames;
  #unreadable: readonly Unreadable[];
  readonly #clock: Clock;
  #state: Currents;
  /** Grows with every change of the kept documents. */
  version = 0;
  /** Flips of several subscriptions share one file: one after the other. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    { disk, layout, log, clock }: { disk: Disk; layout: Layout; log: Logger; clock: Clock },
    { documents, unreadable }: Found,
    state: Currents,
  ) {
    this.#disk = disk;
    this.#layout = layout;
    this.#log = log;
    this.#documents = documents;
    this.#names = new DurableNames(disk, layout.generations);
    this.#unreadable = unreadable;
    this.#clock = clock;
    this.#state = state;
  }

  /** Reads what is there. A document that cannot be read is passed over and logged: the others are served. */
  static async load(disk: Disk, layout: Layout, log: Logger, clock: Clock = systemClock): Promise<Generations> {
    const found = await readAll(disk, layout, log, () => null);
    const state = await readCurrents(disk, layout, found.documents, log);
    return new Generations({ disk, layout, log, clock }, found, state);
  }

  subscriptions(): readonly string[] {
    return [...this.#documents.keys()];
  }

  current(subscription: string): GenerationDocument | null {
    return this.#keptAs(subscription, this.#state.current[subscription]);
  }

  /** What would be current if nothing were rolled back: the generation that was published last. */
  newest(subscription: string): GenerationDocument | null {
    const held = this.#state.held[subscription];
    if (held === undefined) return this.current(subscription);
    return this.#keptAs(subscription, held.newest) ?? this.kept(subscription)[0] ?? null;
  }

  /** RFC 3339: since when a subscription does not follow its newest generation; null: it does. */
  rolledBackSince(subscription: string): string | null {
    return this.#state.held[subscription]?.since ?? null;
  }

  /** RFC 3339 at which a generation ceased to be current, where no other document tells; null: not known. */
  leftAt(id: string): string | null {
    return this.#state.left[id] ?? null;
  }

  /** The generations that are pinned. @throws WaystationError `disk_failing` when that cannot be read. */
  pins(): Promise<ReadonlySet<string>> {
    return readPins(this.#disk, this.#layout);
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
   * Removes a generation, durably, unless it is current, pinned, or what a release makes current. It is kept in memory
   * until it is sure to be gone.
   * @param still asked last: whether it is to go even now.
   * @returns false when it stays or is not here. @throws WaystationError when the disk refuses, or pins cannot be read.
   */
  retire({ subscription, id }: GenerationDocument, still: () => boolean = () => true): Promise<boolean> {
    return this.#oneAtATime(async () => {
      const kept = this.kept(subscription);
      const others = kept.filter((document) => document.id !== id);
      if (others.length === kept.length || (await this.pins()).has(id)) return false;
      if (this.current(subscription)?.id === id || this.newest(subscription)?.id === id || !still()) return false;
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

  /** Makes a generation the current one of its subscription, unless that is rolled back; durable when it resolves. */
  publish(document: GenerationDocument): Promise<void> {
    return this.#oneAtATime(() => this.#publish(document));
  }

  /**
   * Makes a kept generation the current one until `release`; durable when it resolves.
   * @param to null: the one before the current.
   * @throws WaystationError `unknown_generation`, `nothing_older`, or what the disk refuses: then nothing has changed.
   */
  rollback(subscription: string, to: string | null): Promise<Switch> {
    return this.#oneAtATime(async () => {
      const before = this.#published(subscription);
      const now = to === null ? this.#olderThan(before) : this.#named(subscription, to);
      const since = this.rolledBackSince(subscription);
      if (before.id === now.id && since !== null) return { before, now, changed: false };
      const newest = this.newest(subscription)?.id ?? before.id;
      const held = { newest, since: since ?? new Date(this.#clock.now()).toISOString() };
      const state = flipped(this.#state, now, this.kept(subscription), this.#clock.now());
      await this.#write({ ...state, held: { ...state.held, [subscription]: held } });
      return { before, now, changed: true };
    });
  }

  /**
   * Makes the newest generation current, and follows what is published from now on; durable when it resolves.
   * @throws WaystationError `nothing_older` when nothing was published, or what the disk refuses.
   */
  release(subscription: string): Promise<Switch> {
    return this.#oneAtATime(async () => {
      const before = this.#published(subscription);
      if (this.rolledBackSince(subscription) === null) return { before, now: before, changed: false };
      const now = this.newest(subscription) ?? before;
      const { [subscription]: _, ...held } = this.#state.held;
      await this.#write({ ...flipped(this.#state, now, this.kept(subscription), this.#clock.now()), held });
      return { before, now, changed: true };
    });
  }

  /**
   * Keeps a generation whatever its age, or no longer; durable when it resolves.
   * @returns whether that is new. @throws WaystationError `unknown_generation`, or what the disk refuses.
   */
  setPinned(id: string, pinned: boolean): Promise<boolean> {
    return this.#oneAtATime(async () => {
      const pins = await this.pins();
      if (this.find(id) === null && (pinned || !pins.has(id))) throw unknownGeneration(id);
      if (pins.has(id) === pinned) return false;
      await writePins(this.#disk, this.#layout, pinned ? [...pins, id] : [...pins].filter((pin) => pin !== id));
      return true;
    });
  }

  #keptAs(subscription: string, id: string | undefined): GenerationDocument | null {
    return this.kept(subscription).find((document) => document.id === id) ?? null;
  }

  #published(subscription: string): GenerationDocument {
    const current = this.current(subscription);
    if (current !== null) return current;
    throw new WaystationError('nothing_older', `${subscription} has not published anything yet`);
  }

  #named(subscription: string, id: string): GenerationDocument {
    const found = this.#keptAs(subscription, id);
    if (found === null) throw unknownGeneration(id);
    return found;
  }

  #olderThan(current: GenerationDocument): GenerationDocument {
    const kept = this.kept(current.subscription);
    const older = kept[kept.indexOf(current) + 1];
    if (older !== undefined) return older;
    throw new WaystationError(
      'nothing_older',
      `no kept generation of ${current.subscription} is older than ${current.id}`,
    );
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
      if (gone) await replaceFile(this.#disk, this.#layout.current, encodeCurrents(this.#state));
    });
  }

  async #write(next: Currents): Promise<void> {
    const state = pruned(next, (id) => this.find(id) !== null);
    try {
      await replaceFile(this.#disk, this.#layout.current, encodeCurrents(state));
    } catch (error) {
      throw diskError(error, this.#layout.current);
    }
    this.#state = state;
  }

  async #publish(document: GenerationDocument): Promise<void> {
    const { subscription, id } = document;
    const path = this.#layout.generation(subscription, id);
    const others = this.kept(subscription).filter((kept) => kept.id !== id);
    const kept = [document, ...others].toSorted(newestFirst);
    const held = this.#state.held[subscription];
    const state =
      held === undefined
        ? flipped(this.#state, document, kept, this.#clock.now())
        : { ...this.#state, held: { ...this.#state.held, [subscription]: { ...held, newest: id } } };
    try {
      await this.#disk.makeFolder(this.#layout.generationFolder(subscription));
      await replaceFile(this.#disk, path, encodeDocument(document));
      // The folder's own name: a process that was killed may have made it, and not synced that.
      await this.#names.settle(this.#layout.generations);
      await this.#write(state);
    } catch (error) {
      this.#names.doubt();
      throw diskError(error, path);
    }
    this.#documents.set(subscription, kept);
    this.version += 1;
  }
}

function unknownGeneration(id: string): WaystationError {
  return new WaystationError('unknown_generation', `no generation ${id} is kept here`);
}
