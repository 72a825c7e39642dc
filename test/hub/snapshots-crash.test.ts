import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { silentLogger as log } from '../../base/log.ts';
import { silentMeter as meter } from '../../base/metrics.ts';
import { memoryNotes } from '../../cache/notes.ts';
import { openHub } from '../../cli/hub/hub-parts.ts';
import type { HubParts } from '../../cli/hub/hub-parts.ts';
import { Upstreams } from '../../cli/upstreams.ts';
import { loadSources } from '../../config/hub/sources.ts';
import { systemDisk } from '../../disk/disk.ts';
import { Leases } from '../../hub/collection/leases.ts';
import { OriginDocuments, originSource } from '../../hub/content/origins.ts';
import { StoreMaps } from '../../hub/content/store-maps.ts';
import { StoreSink } from '../../hub/content/store-sink.ts';
import { SnapshotMaker } from '../../hub/snapshots/create.ts';
import type { SnapshotSource } from '../../hub/snapshots/create.ts';
import { SnapshotRun } from '../../hub/snapshots/snapshot-run.ts';
import { Snapshots } from '../../hub/snapshots/snapshots.ts';
import type { ObjectStore } from '../../hub/store/object-store.ts';
import { Health } from '../../origin/health.ts';
import { RateSchedule } from '../../origin/rate-schedule.ts';
import { Traffic } from '../../origin/traffic.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { hubDirectory, numberedPackages } from '../support/hub-directory.ts';
import { InterceptedStore } from '../support/intercepted-store.ts';
import { wholeSnapshots } from './collection/collecting-hub.ts';

const clock = systemClock;
const never = new AbortController().signal;

/** Makes a snapshot of a file of sources in a store, which may be an intercepted one. @returns whether it was made. */
async function make(
  { keys, retirements }: HubParts,
  store: ObjectStore,
  from: string,
  folder: string,
): Promise<boolean> {
  const health = new Health({ clock, log });
  const traffic = new Traffic({ rates: new RateSchedule([]), transfers: { perHub: 4, total: 4 }, clock, meter });
  const upstreams = new Upstreams({ version: '0', clock, log, health, traffic, notes: memoryNotes(), following: null });
  const maps = new StoreMaps({ store, disk: systemDisk, folder });
  const snapshots = new Snapshots(store, keys);
  const parts = { snapshots, origins: new OriginDocuments(store, keys), retirements, keys, clock, log };
  const maker = new SnapshotMaker({
    slots: 4,
    ...parts,
    leases: new Leases({ store, clock }),
    sink: new StoreSink({ store, maps }),
  });
  const opened = loadSources(from, null).sources.map(async (source): Promise<SnapshotSource> => {
    if ('snapshot' in source) return source;
    const hub = await upstreams.hub(source.upstream);
    const remembered = originSource.parse(JSON.parse(JSON.stringify(source.remembered)));
    return {
      discover: async (signal) => (await hub.discover(signal)).repositories,
      trust: async () => null,
      remembered,
    };
  });
  try {
    const request = { name: 'one', policy: 'full', sources: await Promise.all(opened) } as const;
    return (await maker.create(request, new SnapshotRun('one', clock), never)) !== null;
  } finally {
    health.close(new WaystationError('cancelled', 'over'));
    await upstreams.close();
    await maps.close();
  }
}

test(
  'a create that ends at any call of the store leaves no half snapshot and nothing open, and the next one goes on',
  { timeout: 300_000 },
  async () => {
    await using origin = await FaultyOrigin.start({ basic: { username: 'hub', password: 'secret' } });
    await using directory = await hubDirectory();
    await writeFile(join(directory.path, 'password'), 'secret\n');
    const access = { username: 'hub', passwordFile: 'password' };
    putRepository(origin, 'base', { packages: numberedPackages(3, () => 1) });
    const from = await directory.sources([{ type: 'yum', path: 'base', url: `${origin.url}base/`, ...access }]);
    const [store, empty] = [join(directory.path, 'store'), join(directory.path, 'empty')];
    await cp(store, empty, { recursive: true });
    let crashes = 0;
    for (let n = 1; ; n += 1) {
      await rm(store, { recursive: true });
      await cp(empty, store, { recursive: true });
      const hub = await openHub(directory.config);
      const folder = join(directory.path, `maps-${n}`);
      const dying = InterceptedStore.dyingAt(hub.store, n);
      const made = await make(hub, dying, from, folder).catch(() => false);
      const names = await wholeSnapshots(hub, hub.store, folder);
      if (made) expect([n, names]).toEqual([n, ['one']]);
      // What came with credentials is closed from its first moment on.
      const closed = new Set<string>();
      for await (const { key } of hub.store.list('private/closed/')) closed.add(key.slice(-64));
      for await (const { key } of hub.store.list('public/blobs/'))
        expect([n, closed.has(key.slice(-64))]).toEqual([n, true]);
      if (made && dying.calls() < n) break;
      crashes += 1;
      // Another process goes on, without what the dead one had on its own disk.
      expect([n, await make(hub, hub.store, from, join(directory.path, `again-${n}`))]).toEqual([n, true]);
      expect([n, await wholeSnapshots(hub, hub.store, folder)]).toEqual([n, ['one']]);
    }
    expect(crashes).toBeGreaterThan(30);
  },
);
