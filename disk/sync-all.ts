import { setTimeout as sleep } from 'node:timers/promises';
import { SyncHelper } from './sync-helper.ts';

/** Milliseconds from the beginning of one sync to that of the next: each costs a process, and a commit of the journal. */
const apart = 100;

let helper: SyncHelper | null = null;
let last = -Infinity;
/** One after the other. */
let queue: Promise<unknown> = Promise.resolve();

/**
 * Makes everything durable that was written to the file system of a folder: syncfs(2), which Node has no call for,
 * through coreutils' `sync -f`. At most ten times a second, so that what is synced is worth it: files gather meanwhile.
 * Where it is not there or fails, files are to be synced one by one, which finds the one that fails.
 * @returns whether it is done.
 */
export function syncAll(folder: string): Promise<boolean> {
  const done = queue.then(() => paced(folder));
  queue = done;
  return done;
}

async function paced(folder: string): Promise<boolean> {
  const wait = last + apart - performance.now();
  if (wait > 0) await sleep(wait);
  last = performance.now();
  if (helper === null || helper.ended) helper = new SyncHelper();
  return helper.sync(folder);
}
