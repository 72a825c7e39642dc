import { expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { digestOf } from '../../../base/digest.ts';
import { silentLogger } from '../../../base/log.ts';
import { silentMeter } from '../../../base/metrics.ts';
import { openHub } from '../../../cli/hub/hub-parts.ts';
import { openOrigins } from '../../../cli/hub/pull-through.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { hubDirectory } from '../../support/hub-directory.ts';
import { collected, wholeSnapshots } from './collecting-hub.ts';

const href = 'p/old-1-1.noarch.rpm';
const content = 'listed by sha1';
/** Commands are processes of their own, on a machine with much else to do. */
const patience = { timeout: 240_000 };
const never = new AbortController().signal;

test('files of forgeable digests stay those of their source, composed, given out and collected', patience, async () => {
  await using origin = await FaultyOrigin.start();
  await using directory = await hubDirectory();
  putRepository(origin, 'base', { packages: { [href]: content }, checksum: 'sha1' });
  await directory.create('one', [{ type: 'yum', path: 'base', url: `${origin.url}base/` }]);
  await directory.create('two', [{ snapshot: 'one', path: 'below' }]);
  const hub = await openHub(directory.config);
  const own = (await directory.blobs()).filter((blob) => blob.includes('/sha1/'));
  expect(own).toHaveLength(1);

  const digest = digestOf(content, 'sha1');
  const parts = { clock: systemClock, log: silentLogger, meter: silentMeter, credentialsDirectory: null };
  const origins = openOrigins({ config: directory.config, hub, ...parts });
  const open = async (snapshot: string, path: string): Promise<string | null> => {
    const object = await origins.open({ digest, listed: { snapshot, path, href } }, never);
    if (object === null) return null;
    const bytes = Buffer.alloc(object.size);
    await object.read(bytes, 0, bytes.length);
    object.release();
    return bytes.toString();
  };
  expect(await open('one', 'base')).toBe(content);
  expect(await open('two', 'below/base')).toBe(content);
  // Where it is not listed nobody gets it, though the store has it.
  expect(await open('two', 'base')).toBeNull();
  await origins.close();

  await hub.retirements.retire(await hub.snapshots.need('one'), { by: 'test', why: null, grace: null });
  expect(await collected(hub, hub.store, directory.path)).toMatchObject({ removed: ['one'], files: 0 });
  expect(await wholeSnapshots(hub, hub.store, directory.path)).toEqual(['two']);
  await hub.retirements.retire(await hub.snapshots.need('two'), { by: 'test', why: null, grace: null });
  expect(await collected(hub, hub.store, directory.path)).toMatchObject({ removed: ['two'], kept: 0 });
  expect(await directory.blobs()).toEqual([]);
  for (const prefix of ['private/closed/', 'private/proofs/', 'private/origins/', 'public/maps/'])
    for await (const { key } of hub.store.list(prefix)) expect(key).toBe('nothing');
});
