import { describe, expect, test } from 'vitest';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { file, flipped, mebibyte, pieces, readPart } from './pieces.ts';

// Of its end nothing leaves before the whole is proven: it can be had anew.
describe('past a full disk, a range at the end of a large file', () => {
  const { bytes, listed } = file(2 * mebibyte);
  const start = bytes.length - 1000;
  const get = async (loader: ScriptedLoader): Promise<boolean> => {
    await using store = await pieces({ limits: { max: () => 0, keepFree: () => 0 } });
    const { source } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, start);
    return (await readPart(source, start, bytes.length)).equals(bytes.subarray(start));
  };

  test('has nothing of a page that came in its place', async () => {
    const page = { bytes: Buffer.alloc(700, '<html>'), total: null, source: 'portal' };
    const loader = new ScriptedLoader([page, { bytes, source: 'good' }]);
    expect(await get(loader)).toBe(true);
    expect([loader.opened, loader.liars]).toEqual([[0, 0], ['portal']]);
  });

  test('that two gave a part of, and wrong, is had once more before anybody is blamed', async () => {
    const cut = { bytes: flipped(bytes, 5), cutAt: mebibyte, source: 'bad' };
    const loader = new ScriptedLoader([cut, { bytes, source: 'good' }, { bytes, source: 'good' }]);
    expect(await get(loader)).toBe(true);
    expect([loader.opened, loader.liars]).toEqual([[0, mebibyte, 0], []]);
  });

  test('and wrong twice, all who gave of it are', async () => {
    const cut = { bytes: flipped(bytes, 5), cutAt: mebibyte, source: 'bad' };
    const good = { bytes, source: 'good' };
    const loader = new ScriptedLoader([cut, good, cut, good, good]);
    expect(await get(loader)).toBe(true);
    expect(loader.liars).toEqual(['bad', 'good']);
  });
});
