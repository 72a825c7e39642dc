import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { digestOf } from '../../../base/digest.ts';
import { storeLock } from '../../../cli/hub/store-lock.ts';
import { systemDisk } from '../../../disk/disk.ts';
import { StoreMaps } from '../../../hub/content/store-maps.ts';
import { StoreSink } from '../../../hub/content/store-sink.ts';
import { DirectoryStore } from '../../../hub/store/directory-store.ts';
import { keysOf } from '../../../hub/store/layout.ts';
import { ScriptedLoader } from '../../support/scripted-loader.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const bytes = Buffer.from('what everybody has');
const listed = { digest: digestOf(bytes), size: bytes.length };
const never = new AbortController().signal;

test('a file that was cut is fetched again, and one that is only listed wrongly stays', async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  const lock = await storeLock(root, systemClock);
  const store = new DirectoryStore({ root, disk: systemDisk, clock: systemClock, lock });
  const sink = new StoreSink({ store, maps: new StoreMaps({ store, disk: systemDisk, folder: join(root, 'maps') }) });
  const loader = (): ScriptedLoader => new ScriptedLoader([], { again: { bytes } });
  await sink.ensure('open', listed, loader(), never);

  // Another source lists the same digest with another size: that takes nothing from those who have it.
  for (const size of [listed.size - 1, listed.size + 1])
    await expect(sink.ensure('open', { ...listed, size }, loader(), never)).rejects.toMatchObject({
      code: 'upstream_lied',
    });
  expect(await sink.holds('open', listed)).toBe(true);

  await truncate(join(root, keysOf.blob(listed.digest)), 3);
  expect(await sink.holds('open', listed)).toBe(false);
  await sink.ensure('open', listed, loader(), never);
  expect((await store.get(keysOf.blob(listed.digest)))?.bytes).toEqual(bytes);
});
