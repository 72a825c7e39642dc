import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { systemCode } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { BlobIndex } from '../blobs/blob-index.ts';
import { readSnapshot, writeSnapshot } from '../blobs/index-snapshot.ts';
import type { SnapshotFigures } from '../blobs/index-snapshot.ts';
import { flag } from '../blobs/entry-flags.ts';
import type { NameCount } from '../blobs/name-count.ts';
import type { Marks } from '../blobs/marks.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { roomOfPart } from '../disk/layout.ts';
import type { Layout } from '../disk/layout.ts';
import { unlessAborted } from '../fills/unless-aborted.ts';
import type { Space } from '../space/space.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { countBlobs } from './count-blobs.ts';

/** Milliseconds between two snapshots of a running service: how old the order of eviction may be after a kill. */
const snapshotEvery = 3_600_000;

interface CensusParts {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly index: BlobIndex;
  readonly marks: Marks;
  readonly blobs: Pick<BlobStore, 'several' | 'settle'>;
  readonly space: Space;
  readonly clock: Clock;
  readonly log: Logger;
  /** When this has resolved it begins, or when somebody waits for it. */
  readonly after: Promise<void>;
}

/**
 * Fills the index of blobs at start, beside serving: from the snapshot of a clean stop, or from the names on disk, then
 * with an older snapshot as a hint of the order of eviction. The name of the snapshot is the flag: it has it from a
 * clean stop to the next start only.
 */
export class Census {
  readonly #parts: CensusParts;
  readonly #clean: boolean;
  readonly #begins = Promise.withResolvers<void>();
  readonly #count: NameCount;
  #fromSnapshot = false;

  /** @param clean what `takeSnapshot` said. */
  constructor(parts: CensusParts, clean: boolean) {
    this.#parts = parts;
    this.#clean = clean;
    // What the snapshot of a clean stop covers is left as it is until that has been read: all of it is counted at once.
    if (!clean) this.#begins.resolve();
    this.#count = parts.blobs.several.beginCount(this.#begins.promise);
  }

  /** Whether everything that is held is in the index. */
  get complete(): boolean {
    return this.#parts.index.complete;
  }

  /** Resolves when the index is complete, or the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#run(signal);
    } finally {
      this.#begins.resolve();
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { disk, layout, blobs, space, index, marks, log, clock, after } = this.#parts;
    await unlessAborted(Promise.race([after, this.#count.wanted]), signal).catch(() => {});
    if (signal.aborted) return;
    const began = clock.monotonic();
    const held = await this.#restore(signal);
    if (signal.aborted) return;
    if (held !== null && this.#clean) {
      await blobs.several.endCount(() => {
        index.flagAll((flags) => flags | flag.confirmed);
        space.adjust(held.used);
        index.complete = true;
      });
      this.#fromSnapshot = true;
      // Of a life that ended before its first pass nobody knows what must not be evicted.
      if (held.protectionKnown) marks.restored();
    } else {
      this.#begins.resolve();
      const counted = await countBlobs({ disk, layout, count: this.#count, log }, signal);
      if (counted) await index.dropUnconfirmed();
      if (signal.aborted) return;
      await blobs.several.endCount(() => {
        index.complete = counted;
      });
    }
    const from = held !== null && this.#clean ? 'snapshot' : 'names';
    const milliseconds = Math.round(clock.monotonic() - began);
    if (!signal.aborted)
      log.info({ blobs: index.size, bytes: space.used, from, milliseconds }, 'the held files are counted');
  }

  /** Notes the order of eviction now and then, for a start after a kill. */
  async snapshots(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#parts.clock.sleep(snapshotEvery, signal).catch(() => {});
      if (!signal.aborted) await this.#write(this.#parts.layout.usedSnapshot);
    }
  }

  /**
   * The last act of a clean stop: nothing may change any more. What the snapshot says of names has to be durable before
   * it is: after a power cut it would be believed.
   */
  async end(): Promise<void> {
    const { blobs, index, layout, log } = this.#parts;
    if (!index.complete || blobs.several.inexact) return;
    try {
      await blobs.settle(!this.#fromSnapshot);
    } catch (error) {
      log.warn(
        { error: diskError(error, layout.blobs).message },
        'names cannot be made durable; the next start counts',
      );
      return;
    }
    await this.#write(layout.snapshot);
  }

  /** @returns what a snapshot says, its entries taken over into the index; null: there is none. */
  async #restore(signal: AbortSignal): Promise<SnapshotFigures | null> {
    const { disk, layout, index, log } = this.#parts;
    try {
      return await readSnapshot(disk, layout.usedSnapshot, index, signal);
    } catch (error) {
      if (!signal.aborted) log.warn({ error: String(error) }, 'the snapshot of the blob index is of no use');
      return null;
    }
  }

  async #write(path: string): Promise<void> {
    const { disk, index, marks, space, log } = this.#parts;
    if (!index.complete || !space.writable) return;
    try {
      const { protectionKnown } = marks;
      await writeSnapshot(disk, path, index, { used: space.used - (await this.#partBytes()), protectionKnown });
    } catch (error) {
      log.warn(
        { path, error: diskError(error, path).message },
        'the blob index cannot be noted; the next start counts',
      );
    }
  }

  /** Parts are counted by what is there at the next start. */
  async #partBytes(): Promise<number> {
    const { disk, layout } = this.#parts;
    let bytes = 0;
    for (const name of await disk.list(layout.parts)) {
      const facts = await disk.facts(join(layout.parts, name));
      if (facts !== null) bytes += roomOfPart(name, facts);
    }
    return bytes;
  }
}

/**
 * Takes the flag of a clean stop away, durably: before anything changes that its snapshot describes.
 * @returns whether the last stop was clean.
 */
export async function takeSnapshot({
  disk,
  layout,
  log,
}: Pick<CensusParts, 'disk' | 'layout' | 'log'>): Promise<boolean> {
  try {
    await disk.rename(layout.snapshot, layout.usedSnapshot);
    await disk.syncFolder(layout.root);
    return true;
  } catch (error) {
    // Where nothing can be written nothing changes either, but who knows for how long: counted.
    if (systemCode(error) !== 'ENOENT')
      log.warn({ error: diskError(error, layout.snapshot).message }, 'the blobs are counted anew');
    return false;
  }
}
