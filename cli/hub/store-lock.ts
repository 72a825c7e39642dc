import { stat } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { StoreLock } from '../../hub/store/directory-store.ts';
import { takeName } from '../abstract-name.ts';

/** Milliseconds between two tries, and until none is made any more. */
const again = 5;
const patience = 10_000;

/**
 * Excludes changes of a hub's directory by this process and by others of the same network namespace: `hub serve` and
 * the commands that act on the store beside it. A change takes some milliseconds, so who comes second just waits.
 */
export async function storeLock(directory: string, clock: Clock): Promise<StoreLock> {
  const { dev, ino } = await stat(directory);
  const name = `waystation-hub-store-${dev}-${ino}`;
  let turns: Promise<unknown> = Promise.resolve();
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    for (const until = clock.monotonic() + patience; clock.monotonic() < until; await clock.sleep(again)) {
      const taken = await takeName(name);
      if (taken === null) continue;
      try {
        return await work();
      } finally {
        taken.release();
      }
    }
    throw new WaystationError('store_busy', `${directory}: another process has been changing the store for 10 s`);
  };
  return {
    alone: (work) => {
      const turn = turns.then(() => alone(work));
      turns = turn.catch(() => {});
      return turn;
    },
  };
}
