import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { syncAll } from '../../disk/sync-all.ts';
import { SyncHelper } from '../../disk/sync-helper.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('a file system is synced whenever somebody asks, also at the same time', async () => {
  await using folder = await temporaryDirectory();
  expect(await Promise.all([syncAll(folder.path), syncAll(folder.path)])).toEqual([true, true]);
  expect(await syncAll(folder.path)).toBe(true);
});

test('what cannot be synced says so, and the next is synced all the same', async () => {
  await using folder = await temporaryDirectory();
  const helper = new SyncHelper();
  expect(await helper.sync(`${folder.path}/none`)).toBe(false);
  expect(await helper.sync(`${folder.path}/a\nb`)).toBe(false);
  expect(await helper.sync(folder.path)).toBe(true);
  expect(helper.ended).toBe(false);
});

test('one shell serves many syncs, and another is begun when it was killed', async () => {
  await using folder = await temporaryDirectory();
  expect(await syncAll(folder.path)).toBe(true);
  const before = shells();
  expect(await syncAll(folder.path)).toBe(true);
  expect(shells()).toEqual(before);
  for (const shell of before) process.kill(shell, 'SIGKILL');
  // The one that is asked when it is gone, or right before, finds out.
  const answers = [await syncAll(folder.path), await syncAll(folder.path)];
  expect(answers.at(-1)).toBe(true);
  const after = shells();
  expect(after).toHaveLength(1);
  expect(before).not.toContain(after[0]);
});

test('without a shell nothing is synced, and that is said', async () => {
  await using folder = await temporaryDirectory();
  vi.stubEnv('PATH', folder.path);
  const helper = new SyncHelper();
  expect([await helper.sync(folder.path), helper.ended]).toEqual([false, true]);
});

/** Children of this process that are shells of `SyncHelper`. */
function shells(): number[] {
  const tasks = readdirSync('/proc/self/task').map((task) => `/proc/self/task/${task}/children`);
  const children = tasks.flatMap((file) => readFileSync(file, 'latin1').trim().split(' ').filter(Boolean).map(Number));
  return children.filter((child) => readFileSync(`/proc/${child}/cmdline`, 'latin1').includes('sync -f "$folder"'));
}
