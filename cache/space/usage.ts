import type { BlobIndex } from '../blobs/blob-index.ts';
import type { Marks } from '../blobs/marks.ts';
import { nextVictim } from './victims.ts';
import type { Victim } from './victims.ts';

/** Entries that are looked at to find what goes next: less than a millisecond. */
const steps = 2_000;

/** Who holds the bytes of the blobs. A file with two names counts under each. */
export interface Usage {
  /** Must not go to make room: metadata, full policy, pinned, or counted on by a sync. */
  readonly pinned: number;
  /** May go to make room; 0 as long as it is not known what must not. */
  readonly evictable: number;
}

export function usageOf(index: BlobIndex, marks: Marks): Usage {
  const [probation, main] = [index.bytes('probation'), index.bytes('main')];
  const free = probation.free + main.free;
  return { pinned: probation.all + main.all - free, evictable: marks.protectionKnown ? free : 0 };
}

/**
 * What goes next; null: nothing may, or it is not found at once. Looking takes the turns of what is before it, as the
 * next eviction would: asking again changes nothing more.
 */
export function nextToGo(index: BlobIndex, marks: Marks): Victim | null {
  if (!marks.protectionKnown) return null;
  const victim = nextVictim(index, steps);
  return victim === 'later' ? null : victim;
}
