import { expect, test } from 'vitest';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { generation } from './generation-documents.ts';
import { openedStore } from './opened-store.ts';
import { file, mebibyte } from './pieces.ts';
import { storedRepository } from './upkeep-pieces.ts';

const patient = new AbortController().signal;

test('what is held of a pinned generation is not evicted, from when the pin is told to be there', async () => {
  await using folder = await temporaryDirectory();
  const store = await openedStore(folder.path, { limits: { max: () => 5 * mebibyte, keepFree: () => 0 } });
  const [pinned, other, third] = [file(2 * mebibyte), file(2 * mebibyte), file(2 * mebibyte)];
  const have = ({ bytes, listed }: typeof pinned): Promise<void> =>
    store.sink.ensure('open', listed, new ScriptedLoader([{ bytes }]), patient);
  await have(pinned);
  await have(other);
  const first = await storedRepository(store, [{ href: 'a.rpm', listed: pinned.listed }]);
  const second = await storedRepository(store, [{ href: 'b.rpm', listed: other.listed }]);
  await store.publish(generation(1, { 'site/base': first }));
  await store.publish(generation(2, { 'site/base': second }));
  store.upkeep.begin();
  while (!store.marks.protectionKnown) await new Promise((resolve) => setTimeout(resolve, 5));
  for (let pass = 0; pass < 2; pass += 1) {
    store.marks.divideRuns();
    store.marks.releaseRuns();
  }
  // Until their fills have ended, the files are read by those who asked for them.
  while (store.fills.active > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect((await store.status()).evictableBytes).toBe(4 * mebibyte);
  expect(await store.publication.setPinned(generation(1).id, true)).toBe(true);
  expect((await store.status()).evictableBytes).toBe(2 * mebibyte);
  await have(third);
  expect(
    await Promise.all([pinned, other, third].map(async ({ listed }) => store.blobs.holds('open', listed))),
  ).toEqual([true, false, true]);
  await store.close();
});
