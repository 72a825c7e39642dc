import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemDisk } from '../../disk/disk.ts';
import { FileThread } from '../../disk/file-thread.ts';
import type { Renaming } from '../../disk/rename-each.ts';
import { GroupCommit } from '../../disk/group-commit.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

async function files(folder: string, names: readonly string[]): Promise<readonly Renaming[]> {
  await Promise.all(names.map((name) => writeFile(join(folder, name), name)));
  return names.map((name) => ({ from: join(folder, name), to: join(folder, `${name} named`) }));
}

test('of files that are named together, beside others that are put, each is told its own error', async () => {
  await using folder = await temporaryDirectory();
  const thread = new FileThread();
  const [one, other] = await files(folder.path, ['one', 'other']);
  const gone = { from: join(folder.path, 'gone'), to: join(folder.path, 'never') };
  const nowhere = join(folder.path, 'nowhere/file');
  const [lost, errors, put, late] = await Promise.all([
    thread.put(nowhere, Buffer.from('lost')),
    thread.renameAll([one!, gone, other!]),
    thread.put(join(folder.path, 'put'), Buffer.from('put')),
    thread.rename(gone.from, gone.to).catch((error: unknown) => error),
  ]);
  expect(lost).toMatchObject({ made: false, error: { code: 'ENOENT' } });
  expect(errors).toMatchObject([null, { code: 'ENOENT' }, null]);
  expect([put, late]).toMatchObject([{ made: true, error: null }, { code: 'ENOENT' }]);
  expect((await readdir(folder.path)).toSorted()).toEqual(['one named', 'other named', 'put']);
  expect(await readFile(join(folder.path, 'other named'), 'utf8')).toBe('other');
});

test('a round is named by few calls; who needs more is named by itself, and an error is its own', async () => {
  const calls: number[] = [];
  const renameAll = async (names: readonly Renaming[]): Promise<(Error | null)[]> => {
    calls.push(names.length);
    return names.map(({ from }) => (from === '7' ? new Error('no') : null));
  };
  const group = new GroupCommit({ ...systemDisk, renameAll, syncAll: async () => true }, '/');
  const named: string[] = [];
  const results = await Promise.allSettled(
    Array.from({ length: 100 }, (_, number) =>
      group.add({
        sync: async () => {},
        name: async () => (named.push(`alone ${number}`), '/'),
        plainly: () => (number === 50 ? null : { from: `${number}`, to: '' }),
        named: (error) => {
          if (error !== null) return Promise.reject(error);
          named.push(`together ${number}`);
          return '/';
        },
      }),
    ),
  );
  expect(results.flatMap(({ status }, number) => (status === 'rejected' ? [number] : []))).toEqual([7]);
  expect([named.length, named.filter((each) => each.startsWith('alone'))]).toEqual([99, ['alone 50']]);
  expect(calls).toEqual([63, 36]);
});
