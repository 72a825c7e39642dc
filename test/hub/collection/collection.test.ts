import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { openHub } from '../../../cli/hub/hub-parts.ts';
import type { HubParts } from '../../../cli/hub/hub-parts.ts';
import { FaultyOrigin, Gate, stallAt } from '../../support/faulty-origin.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { hubDirectory, numberedPackages } from '../../support/hub-directory.ts';
import type { HubDirectory } from '../../support/hub-directory.ts';
import { InterceptedStore } from '../../support/intercepted-store.ts';
import { collected, wholeSnapshots } from './collecting-hub.ts';

const patience = { timeout: 240_000 };

/** Files that only `old` has: the package of another version, its primary and filelists, repomd.xml. */
const ofOldAlone = 4;

/** A hub with two snapshots that share all but a package; the older one is retired. One source wants credentials. */
async function started(origin: FaultyOrigin, retire = true): Promise<HubDirectory> {
  const directory = await hubDirectory();
  await writeFile(join(directory.path, 'password'), 'secret\n');
  const access = { username: 'hub', passwordFile: 'password' };
  const source = { type: 'yum', path: 'base', url: `${origin.url}base/`, ...access };
  for (const [name, version] of [
    ['old', 1],
    ['new', 2],
  ] as const) {
    putRepository(origin, 'base', { packages: numberedPackages(5, (index) => (index === 3 ? version : 1)) });
    await directory.create(name, [source]);
  }
  if (retire) expect(await directory.hub('snapshot', 'retire', 'old')).toMatchObject({ code: 0 });
  return directory;
}

const guarded = (): Promise<FaultyOrigin> => FaultyOrigin.start({ basic: { username: 'hub', password: 'secret' } });

async function keys(hub: HubParts, prefix: string): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { key } of hub.store.list(prefix)) found.push(key);
  return found;
}

test(
  'what only a retired snapshot refers to goes, with what is said of it; the rest stays whole',
  patience,
  async () => {
    await using origin = await guarded();
    await using directory = await started(origin);
    const hub = await openHub(directory.config);
    const before = (await directory.blobs()).length;
    const dry = await collected(hub, hub.store, directory.path, { dryRun: true });
    expect(dry).toMatchObject({ removed: ['old'], files: ofOldAlone + 1, gaveWay: false });
    expect(await wholeSnapshots(hub, hub.store, directory.path)).toEqual(['new', 'old']);

    const done = await collected(hub, hub.store, directory.path);
    // The map of its primary, too.
    expect(done).toMatchObject({ removed: ['old'], files: ofOldAlone + 1, kept: before - ofOldAlone, gaveWay: false });
    expect(await wholeSnapshots(hub, hub.store, directory.path)).toEqual(['new']);
    expect((await directory.blobs()).length).toBe(before - ofOldAlone);
    for (const prefix of ['private/closed/', 'private/proofs/'])
      expect([prefix, (await keys(hub, prefix)).length]).toEqual([prefix, before - ofOldAlone]);
    expect(await keys(hub, 'private/origins/old/')).toEqual([]);
    expect(await collected(hub, hub.store, directory.path)).toMatchObject({ removed: [], files: 0, documents: 0 });
    // Nor do local copies of package maps pile up.
    expect(await readdir(join(directory.path, 'maps'))).toHaveLength(1);
    // The name never means anything else, and can be had back.
    expect((await directory.hub('snapshot', 'show', 'old')).code).toBe(2);
    const from = join(directory.path, 'sources.yaml');
    const other = await directory.hub('snapshot', 'create', 'old', '--from', from);
    expect([other.code, other.stderr]).toEqual([1, expect.stringMatching(/other content, retired/)]);
    putRepository(origin, 'base', { packages: numberedPackages(5, () => 1) });
    expect(await directory.hub('snapshot', 'create', 'old', '--from', from)).toMatchObject({ code: 0 });
    expect(await keys(hub, 'private/retired/')).toEqual([]);
    expect(await wholeSnapshots(hub, hub.store, directory.path)).toEqual(['new', 'old']);
  },
);

test('a crash at any call takes nothing that a snapshot names, and the next one ends the work', patience, async () => {
  await using origin = await guarded();
  await using directory = await started(origin);
  const original = join(directory.path, 'original');
  const store = join(directory.path, 'store');
  await cp(store, original, { recursive: true });
  let crashes = 0;
  for (let n = 1; ; n += 1) {
    await rm(store, { recursive: true });
    await cp(original, store, { recursive: true });
    const hub = await openHub(directory.config);
    const dying = InterceptedStore.dyingAt(hub.store, n);
    const folder = await mkdtemp(join(directory.path, 'state-'));
    const outcome = await collected(hub, dying, folder).then(
      () => 'done',
      () => 'crashed',
    );
    const whole = await wholeSnapshots(hub, hub.store, folder);
    expect(whole).toContain('new');
    // What came with credentials is closed as long as it is there.
    const closed = new Set((await keys(hub, 'private/closed/')).map((key) => key.replace(/.*-/, '')));
    for (const blob of await keys(hub, 'public/blobs/'))
      expect([n, closed.has(blob.replace(/.*\//, ''))]).toEqual([n, true]);
    if (outcome === 'done') break;
    crashes += 1;
    // The lease of the dead one counts for a while; here that has passed.
    for (const lease of await keys(hub, 'private/leases/')) await hub.store.delete(lease);
    await collected(hub, hub.store, folder);
    expect([n, await wholeSnapshots(hub, hub.store, folder)]).toEqual([n, ['new']]);
    expect([n, (await keys(hub, 'public/blobs/')).length]).toEqual([n, 8]);
    await rm(folder, { recursive: true });
  }
  expect(crashes).toBeGreaterThan(40);
});

test(
  'nothing is collected while a snapshot is made, and a collection gives way to one that begins',
  patience,
  async () => {
    await using origin = await guarded();
    await using directory = await started(origin);
    const hub = await openHub(directory.config);
    putRepository(origin, 'base', { packages: numberedPackages(5, (index) => (index === 3 ? 1 : 9)) });
    const gate = new Gate();
    const rule = origin.on(/pkg1-9/, stallAt(10, gate));
    const making = directory.hub('snapshot', 'create', 'third', '--from', join(directory.path, 'sources.yaml'));
    await origin.requested(/pkg1-9/);
    await expect(collected(hub, hub.store, directory.path)).rejects.toMatchObject({
      code: 'store_busy',
      message: expect.stringMatching(/the making of snapshot third/),
    });
    gate.open();
    expect(await making).toMatchObject({ code: 0 });
    rule.remove();

    // A collection that is held up before its first removal, until a snapshot wants to be made of what it would remove.
    const held = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const slow = new InterceptedStore(hub.store, async (call, key) => {
      if (call !== 'delete' || !key.startsWith('public/snapshots/')) return;
      reached.resolve();
      await held.promise;
    });
    const collecting = collected(hub, slow, directory.path);
    await reached.promise;
    putRepository(origin, 'base', { packages: numberedPackages(5, () => 1) });
    const fourth = directory.hub('snapshot', 'create', 'fourth', '--from', join(directory.path, 'sources.yaml'));
    await expect.poll(() => keys(hub, 'private/leases/'), { timeout: 90_000 }).toHaveLength(2);
    // So long that it looks again.
    await systemClock.sleep(600);
    held.resolve();
    expect(await collecting).toMatchObject({ gaveWay: true, files: 0 });
    expect(await fourth).toMatchObject({ code: 0 });
    expect(await wholeSnapshots(hub, hub.store, directory.path)).toEqual(['fourth', 'new', 'third']);
  },
);

test('what cannot be read refers to everything', patience, async () => {
  await using origin = await guarded();
  await using directory = await started(origin);
  const hub = await openHub(directory.config);
  const before = await directory.blobs();
  for (const map of await keys(hub, 'public/maps/')) await hub.store.delete(map);
  await expect(collected(hub, hub.store, directory.path)).rejects.toMatchObject({ code: 'blob_damaged' });
  await hub.store.put('public/snapshots/foreign.jws', Buffer.from('foreign'));
  await expect(collected(hub, hub.store, directory.path)).rejects.toMatchObject({ code: 'untrusted' });
  expect(await directory.blobs()).toEqual(before);
});

test('what a channel needs is not retired, and what was retired is not promoted', patience, async () => {
  await using origin = await guarded();
  await using directory = await started(origin, false);
  const { hub } = directory;
  for (const name of ['old', 'new']) expect(await hub('promote', 'prod', name)).toMatchObject({ code: 0 });
  for (const [name, why] of [
    ['new', 'prod points to it'],
    ['old', 'where a rollback leads'],
  ] as const)
    expect(await hub('snapshot', 'retire', name)).toMatchObject({ code: 1, stderr: expect.stringContaining(why) });
  await directory.create('third', [{ snapshot: 'new', path: 'below' }]);
  expect(await hub('snapshot', 'retire', 'third', '--why', 'made by mistake')).toMatchObject({ code: 0 });
  expect(await hub('promote', 'prod', 'third')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/was retired/),
  });
  // One that was promoted in the very moment in which it was retired stays.
  const parts = await openHub(directory.config);
  await parts.store.delete('private/retired/third.json');
  expect(await hub('promote', 'prod', 'third')).toMatchObject({ code: 0 });
  await parts.retirements.undo('third');
  await parts.store.put(
    'private/retired/third.json',
    Buffer.from(
      JSON.stringify({
        format: 1,
        snapshot: 'third',
        content: (await parts.snapshots.need('third')).content,
        at: new Date().toISOString(),
        by: 'x',
        why: null,
      }),
    ),
  );
  expect(await hub('collect', '--age', '1s')).toMatchObject({ code: 0 });
  expect(await wholeSnapshots(parts, parts.store, directory.path)).toEqual(['new', 'old', 'third']);
  expect(await keys(parts, 'private/retired/')).toEqual([]);
});
