import type { QueueName } from '../blobs/blob-entries.ts';
import type { BlobIndex, IndexedBlob } from '../blobs/blob-index.ts';
import { flag, heldBack } from '../blobs/entry-flags.ts';

/** Share of the bytes that may be on probation while the main queue has something to give. */
const probationShare = 0.1;
/** Uses that bring a blob from probation to the main queue: the request that fetched it is the first. */
const enough = 2;

/** The blob that goes next: it stays the oldest of its queue until it is deleted or put last. */
export interface Victim extends IndexedBlob {
  readonly queue: QueueName;
  /** Seconds since the epoch: since when nobody needed it, as far as is known. */
  readonly since: number;
}

/**
 * The order of eviction: S3-FIFO (Yang et al., SOSP 2023), by bytes. What came lately is on probation: asked for again,
 * it moves to the main queue, else it goes first, so that a flood of names that are asked for once takes the place of its
 * own kind only. In the main queue what was used since its last turn gets another. Nothing is written or moved by a hit.
 * @param steps how many entries may be looked at: those held back are put last, and there may be many.
 * @returns `later` when the steps were used up; null when nothing may be evicted.
 */
export function nextVictim(index: BlobIndex, steps: number): Victim | 'later' | null {
  for (let step = 0; step < steps; step += 1) {
    const queue = queueToTakeFrom(index);
    const oldest = queue === null ? null : index.oldest(queue);
    if (queue === null || oldest === null) return null;
    const uses = (oldest.flags & flag.use) >> flag.useShift;
    if ((oldest.flags & heldBack) !== 0) index.requeue(queue, (flags) => flags);
    else if (queue === 'probation' && uses >= enough) index.requeue(queue, (flags) => flags & ~flag.use);
    else if (queue === 'main' && uses > 0) index.requeue(queue, (flags) => flags - (1 << flag.useShift));
    else return { ...oldest, queue, since: oldest.time };
  }
  return 'later';
}

function queueToTakeFrom(index: BlobIndex): QueueName | null {
  const probation = index.bytes('probation');
  const main = index.bytes('main');
  const overfull = probation.all > probationShare * (probation.all + main.all);
  if (probation.free > 0 && (overfull || main.free === 0)) return 'probation';
  return main.free > 0 ? 'main' : null;
}
