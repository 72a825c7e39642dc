import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Disk } from '../../disk/disk.ts';
import { parsePartName } from '../disk/layout.ts';
import type { Layout } from '../disk/layout.ts';
import type { Space } from '../space/space.ts';
import type { Fills } from '../fills/fills.ts';
import { partLifetime } from './recover.ts';

/** How often parts are looked at, milliseconds. */
const every = 3_600_000;

interface Expiring {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly space: Space;
  readonly fills: Fills;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A part as it was seen first. */
interface Seen {
  readonly size: number;
  readonly changed: number;
  /** The clock's monotonic milliseconds. */
  readonly at: number;
}

/**
 * Removes parts that nobody went on with for a day, until `signal` aborts; never rejects. Age is what this process saw
 * of it by the monotonic clock: a wall clock that jumps removes nothing.
 */
export async function expireParts(expiring: Expiring, signal: AbortSignal): Promise<void> {
  let seen: ReadonlyMap<string, Seen> = new Map();
  while (!signal.aborted) {
    seen = await expireOnce(expiring, seen);
    // It ends early only when the signal aborts.
    await expiring.clock.sleep(every, signal).catch(() => {});
  }
}

async function expireOnce(expiring: Expiring, before: ReadonlyMap<string, Seen>): Promise<ReadonlyMap<string, Seen>> {
  const { disk, layout, space, fills, clock, log } = expiring;
  const seen = new Map<string, Seen>();
  for (const name of await disk.list(layout.parts).catch(() => [])) {
    const part = parsePartName(name);
    if (part === null) continue;
    const path = join(layout.parts, name);
    const known = before.get(name);
    await fills
      .whileNoneOf(part, async () => {
        const facts = await disk.facts(path);
        if (facts === null) return;
        const unchanged = known?.size === facts.size && known.changed === facts.changed;
        const first = unchanged ? known : { size: facts.size, changed: facts.changed, at: clock.monotonic() };
        if (clock.monotonic() - first.at < partLifetime) {
          seen.set(name, first);
          return;
        }
        await disk.unlink(path);
        space.adjust(-facts.size);
        log.info({ path, bytes: facts.size }, 'a part that nobody went on with for a day was removed');
      })
      .catch((error: unknown) => log.warn({ path, error: String(error) }, 'an abandoned part cannot be removed'));
  }
  return seen;
}
