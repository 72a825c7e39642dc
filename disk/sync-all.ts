import { execFile } from 'node:child_process';

/** Whether `sync -f` was seen not to work here. */
let useless = false;

/**
 * Makes everything durable that was written to the file system of a folder: syncfs(2), which Node has no call for,
 * through coreutils' `sync -f`. Worth its process from some ten files on; one that is not there or fails says so, and the
 * files are then synced one by one, which finds the one that fails.
 * @returns whether it is done.
 */
export function syncAll(folder: string): Promise<boolean> {
  if (useless) return Promise.resolve(false);
  return new Promise((resolve) => {
    execFile('sync', ['-f', folder], { timeout: 60_000 }, (error) => {
      if (error !== null && (error.code === 'ENOENT' || error.code === 'EACCES')) useless = true;
      resolve(error === null);
    });
  });
}
