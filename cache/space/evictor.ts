import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Counter, Meter } from '../../base/metrics.ts';
import type { BlobIndex } from '../blobs/blob-index.ts';
import type { Removal } from '../blobs/removal.ts';
import type { Marks } from '../blobs/marks.ts';
import type { Space } from './space.ts';
import { nextVictim } from './victims.ts';
import type { Victim } from './victims.ts';

/** Entries that are looked at in one turn of the event loop: about a millisecond. */
const stepsPerTurn = 5_000;
/** Removed beyond what was asked for, so that not every miss has to wait for a removal: this share, … */
const spareShare = 0.01;
/** … and this many bytes at most. */
const mostSpare = 64 * 1024 * 1024;
/** Files removed at a time when the file system takes no more of them. */
const filesAtATime = 256;
/** Bytes that go at a time while the disk refuses writes for want of room, though there seems to be some. */
const refusedSpare = 1024 * 1024;
/** Files in a row that are in use, until it is given up to find one that is not. */
const mostInUse = 256;
/** Milliseconds between two looks at a disk that others fill as well. */
const watchEvery = 5_000;

export interface EvictorParts {
  readonly index: BlobIndex;
  readonly marks: Marks;
  readonly blobs: Removal;
  readonly space: Space;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meter: Meter;
}

/**
 * Makes room: the one sequential deleter (parallel unlinks are slower than one after the other; bazel-remote measured
 * it). Takes what a client's request or a look at the disk asks for, in the order of `nextVictim`.
 */
export class Evictor {
  readonly #parts: EvictorParts;
  readonly #bytes: Counter;
  #work: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(parts: EvictorParts) {
    this.#parts = parts;
    this.#bytes = parts.meter.counter('evicted_bytes_total', 'Bytes of held files that were removed to make room');
  }

  /** Removes until so many bytes can be stored; resolves when that is so, or cannot be. */
  makeRoom(bytes: number): Promise<void> {
    const done = this.#work.then(() => this.#makeRoom(bytes));
    this.#work = done.catch((error: unknown) => this.#parts.log.error({ error: String(error) }, 'room cannot be made'));
    return this.#work;
  }

  /** Keeps the limits also while others fill the disk, until the signal aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock, space } = this.#parts;
    while (!signal.aborted) {
      await clock.sleep(watchEvery, signal).catch(() => {});
      await space.measure();
      const short = space.shortage(0) > 0 || space.fileShortage > 0 || space.refusedByDisk;
      if (!signal.aborted && short) await this.makeRoom(0);
    }
    this.#ended = true;
    await this.#work;
  }

  async #makeRoom(bytes: number): Promise<void> {
    const { space, index, marks } = this.#parts;
    await space.measure();
    // A quota, or others who take what becomes free: nothing heals before some of ours goes.
    const needed = Math.max(space.shortage(bytes), space.refusedByDisk ? refusedSpare : 0);
    const files = space.fileShortage > 0 ? filesAtATime : 0;
    if ((needed <= 0 && files === 0) || !space.known || !marks.protectionKnown) return;
    // What can never fit shall not cost the others their place.
    const evictable = index.bytes('probation').free + index.bytes('main').free;
    if (needed > evictable && !space.refusedByDisk) return;
    const target = space.shortage(bytes + Math.min(mostSpare, Math.floor(space.max * spareShare)));
    let [freed, removed, inUse] = [0, 0, 0];
    while (!this.#ended && inUse < mostInUse && (freed < Math.max(needed, target) || removed < files)) {
      const victim = nextVictim(index, stepsPerTurn);
      if (victim === null) return;
      if (victim === 'later') await new Promise((resolve) => setImmediate(resolve));
      else {
        const went = await this.#remove(victim);
        if (went === 'refused') return;
        inUse = went === 'in-use' ? inUse + 1 : 0;
        if (went === 'in-use') continue;
        freed += went;
        removed += 1;
      }
    }
  }

  /** @returns the bytes that it freed, or why it is still there. */
  async #remove(victim: Victim): Promise<number | 'in-use' | 'refused'> {
    const { blobs, index, space } = this.#parts;
    const removed = await blobs.remove(victim.scope, victim);
    if (removed.result === 'refused') {
      space.failed(removed.error);
      return 'refused';
    }
    if (removed.result === 'in-use') {
      // Its turn comes again.
      index.requeue(victim.queue, (flags) => flags);
      return 'in-use';
    }
    this.#bytes.inc({}, removed.freed);
    return removed.freed;
  }
}
