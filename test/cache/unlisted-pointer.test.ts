import { expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import type { Transfer } from '../../base/transfer.ts';
import { systemDisk } from '../../disk/disk.ts';
import { Pointers } from '../../cache/unlisted/pointers.ts';
import { UnlistedFetches } from '../../cache/unlisted/unlisted-fetch.ts';
import { pieces } from './pieces.ts';

function transfer(text: string): Transfer {
  return {
    source: 'http://a.example/f',
    total: text.length,
    contentType: null,
    etag: null,
    lastModified: null,
    offset: 0,
    consume: async (sink) => {
      await sink(Buffer.from(text));
    },
    cancel: () => {},
  };
}

test('two fetches of one unlisted file that end together are both kept, and the disk is well', async () => {
  await using store = await pieces();
  const { layout, blobs, claims, space, clock } = store;
  const fetches = new UnlistedFetches({
    disk: systemDisk,
    layout,
    blobs,
    claims,
    pointers: new Pointers(systemDisk, layout),
    space,
    room: space,
    clock,
    log: silentLogger,
  });
  const pairs = Array.from({ length: 20 }, (_, index) => ({ repository: 'r', file: `f${index}`, scope: 'open' }));
  const kept = pairs.flatMap((name) =>
    ['one', 'two'].map(async (text) => {
      const fetch = await fetches.begin(name, transfer(text));
      const stored = await fetch?.stored;
      fetch?.release();
      return stored;
    }),
  );
  expect(new Set(await Promise.all(kept))).toEqual(new Set([true]));
  expect(space.state).toBe('ok');
});
