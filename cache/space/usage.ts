import type { CacheStatus } from '../../base/status.ts';
import type { BlobIndex } from '../blobs/blob-index.ts';
import type { Marks } from '../blobs/marks.ts';
import type { Space } from './space.ts';
import { nextVictim } from './victims.ts';
import type { Victim } from './victims.ts';

/** Entries that are looked at to find what goes next: less than a millisecond. */
const steps = 2_000;

/** What holds the bytes of the blobs. A file with two names counts under each. */
export interface Usage {
  /** Must not go to make room: metadata, full policy, pinned, or counted on by a sync. */
  readonly pinned: number;
  /** May go to make room; 0 as long as it is not known what must not. */
  readonly evictable: number;
  /** null: nothing may go, or it is not found at once. */
  readonly next: Victim | null;
}

/**
 * Looking for what goes next takes the turns of what is before it, as the next eviction would: asking again changes
 * nothing more.
 */
export function usageOf(index: BlobIndex, marks: Marks): Usage {
  const [probation, main] = [index.bytes('probation'), index.bytes('main')];
  const free = probation.free + main.free;
  const pinned = probation.all + main.all - free;
  if (!marks.protectionKnown) return { pinned, evictable: 0, next: null };
  const next = nextVictim(index, steps);
  return { pinned, evictable: free, next: next === 'later' ? null : next };
}

/** The cache in the status document, but for its scrub. */
export function cacheStatus(space: Space, index: BlobIndex, marks: Marks): Omit<CacheStatus, 'scrub'> {
  const { state, reason, used, max, free, reserved } = space;
  const { pinned, evictable, next } = usageOf(index, marks);
  return {
    state,
    reason,
    bytes: used,
    max,
    free,
    blobs: index.size,
    pinnedBytes: pinned,
    evictableBytes: evictable,
    reservedBytes: reserved,
    next: next && { digest: next.digest, bytes: next.size, since: new Date(next.since * 1000).toISOString() },
  };
}
