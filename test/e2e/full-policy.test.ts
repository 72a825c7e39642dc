import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stallAt } from '../support/faulty-origin-lies.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';

const names = Array.from({ length: 60 }, (_, index) => `p/package-${index}.rpm`);
const packages = Object.fromEntries(names.map((name, index) => [name, `${name} `.repeat(50 + index)]));
/** Packages that a full run has open at a time, at most: `transfers.perHub`. */
const slots = 16;

/** A subscription of one repository that takes everything. */
function everything(origin: FaultyOrigin) {
  const repositories = [{ path: 'r', url: `${origin.url}r/` }];
  return {
    config: { subscriptions: [{ name: 'vendor', hub: { type: 'yum' }, refresh: '1h', policy: 'full', repositories }] },
  };
}

test('a full run that was killed goes on with what is missing, and everything is served without the origin', async () => {
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'r', { packages });
  const gate = new Gate();
  const rule = origin.on('/r/p/package-30.rpm', stallAt(10, gate));
  await using pop = await Pop.start(everything(origin));
  await gate.reached;
  await pop.until(({ subscriptions }) => (subscriptions[0]?.repositories[0]?.packages.held ?? 0) >= 20);
  expect((await pop.status()).subscriptions[0]?.sync).toMatchObject({ state: 'running', kind: 'full' });
  await pop.kill();
  rule.remove();
  gate.open();
  await pop.launch();
  expect((await pop.run('sync', '--wait')).code).toBe(0);
  const repository = (await pop.status()).subscriptions[0]?.repositories[0];
  expect(repository).toMatchObject({ state: 'current', packages: { listed: 60, held: 60 } });
  const fetched = origin.requests.map(({ path }) => path).filter((path) => path.endsWith('.rpm'));
  expect(fetched.length).toBeLessThanOrEqual(names.length + slots);
  await origin.stop();
  for (const name of names) {
    const answer = await download(pop.content, `/content/r/${name}`);
    expect([answer.status, answer.word, answer.body.toString()]).toEqual([200, 'hit', packages[name]]);
  }
});

test('sync --wait of a full policy fails with the path of the package that cannot be had', async () => {
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'r', { packages });
  origin.remove('r/p/package-7.rpm');
  await using pop = await Pop.start(everything(origin));
  const synced = await pop.run('sync', '--wait');
  expect(synced.code).toBe(1);
  expect(synced.stderr).toContain('r/p/package-7.rpm');
  expect((await pop.status()).subscriptions[0]?.repositories[0]).toMatchObject({
    state: 'behind',
    packages: { held: 59 },
  });
});

test('what two scopes list in full is fetched once for each and stored once', async () => {
  await using origin = await FaultyOrigin.start();
  await using guarded = await FaultyOrigin.start({ basic: { username: 'pop', password: 'secret' } });
  for (const where of [origin, guarded]) putRepository(where, 'r', { packages });
  putRepository(origin, 's', { packages });
  const full = { hub: { type: 'yum' }, refresh: '1h', policy: 'full' };
  const closed = { path: 'closed', url: `${guarded.url}r/`, username: 'pop', passwordFile: 'password' };
  const open = ['r', 's'].map((path) => ({ path, url: `${origin.url}${path}/` }));
  await using pop = await Pop.start({
    config: {
      subscriptions: [
        { ...full, name: 'one', repositories: open },
        { ...full, name: 'two', repositories: [closed] },
      ],
    },
    files: { password: 'secret' },
  });
  expect((await pop.run('sync', '--wait')).code).toBe(0);
  const fetched = (from: FaultyOrigin): number => from.count(/\.rpm$/);
  expect([fetched(origin), fetched(guarded)]).toEqual([names.length, names.length]);
  for (const path of ['r', 's', 'closed']) {
    expect((await pop.repository(path)).packages).toMatchObject({ listed: names.length, held: names.length });
  }
  const blobs = await readdir(join(pop.state, 'blobs'), { recursive: true, withFileTypes: true });
  const files = await Promise.all(
    blobs.filter((entry) => entry.isFile()).map(({ parentPath, name }) => stat(join(parentPath, name))),
  );
  const sizes = new Set(Object.values(packages).map((text) => text.length));
  const stored = new Set(files.filter(({ size, nlink }) => sizes.has(size) && nlink === 2).map(({ ino }) => ino));
  expect(stored.size).toBe(names.length);
});
