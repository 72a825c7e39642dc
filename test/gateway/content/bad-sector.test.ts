import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { digestOf } from '../../../base/digest.ts';
import { systemDisk } from '../../../disk/disk.ts';
import type { Disk } from '../../../disk/disk.ts';
import { generation, repositoryDocument } from '../../cache/generation-documents.ts';
import { openedStore } from '../../cache/opened-store.ts';
import { download } from '../../support/http-download.ts';
import { ScriptedLoader } from '../../support/scripted-loader.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { servedContent } from './served-content.ts';

/** The real disk, of which held files can be opened but not read while `bad` is set. */
class BadDisk {
  bad = false;
  readonly disk: Disk = {
    ...systemDisk,
    openRead: async (path) => {
      const opened = await systemDisk.openRead(path);
      const sector = Object.assign(new Error('bad sector'), { code: 'EIO' });
      return (
        opened && {
          ...opened,
          read: (...where) => (this.bad && path.includes('/blobs/') ? Promise.reject(sector) : opened.read(...where)),
        }
      );
    },
  };
}

test.each([
  ['small', 10_000],
  ['large', 3_000_000],
])('a held %s file that cannot be read is fetched in the same request', async (_, size) => {
  const folder = await temporaryDirectory();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const sick = new BadDisk();
  const store = await openedStore(folder.path, { disk: sick.disk });
  onTestFinished(() => store.close());
  const bytes = randomBytes(size);
  const listed = { digest: digestOf(bytes), size };
  const loader = (): ScriptedLoader => new ScriptedLoader([], { again: { bytes } });
  const supplier = { loader, slice: loader, get: () => Promise.reject(new Error('not asked for')), up: true };
  // Nothing is remembered in memory.
  const base = await servedContent(store, 1, { supplier: () => supplier });

  await store.sink.ensure('open', listed, loader(), new AbortController().signal);
  while (store.fills.active > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await store.publish(generation(1, { r: repositoryDocument({ records: { 'repodata/other.xml': listed } }) }));
  const get = (): ReturnType<typeof download> => download(base, '/content/r/repodata/other.xml');
  expect(await get()).toMatchObject({ status: 200, word: 'hit' });
  sick.bad = true;
  const answer = await get();
  expect([answer.status, answer.complete, answer.word, answer.body.equals(bytes)]).toEqual([200, true, 'miss', true]);
  sick.bad = false;
  while (store.fills.active > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await get()).toMatchObject({ status: 200, word: 'hit' });
});
