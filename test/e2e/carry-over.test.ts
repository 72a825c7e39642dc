import { expect, test } from 'vitest';
import type { RunStatus } from '../../base/status.ts';
import { status, stallAt } from '../support/faulty-origin-lies.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { nevraOfFile, putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';

const old = {
  'p/app-1-1.noarch.rpm': 'app one',
  'p/lib-1-1.noarch.rpm': 'lib one',
  'p/tool-1-1.noarch.rpm': 'tool one',
};
const next = {
  'p/app-2-1.noarch.rpm': 'app two',
  'p/lib-2-1.noarch.rpm': 'lib two',
  'p/tool-2-1.noarch.rpm': 'tool two',
};

function put(origin: FaultyOrigin, packages: Readonly<Record<string, string>>): void {
  putRepository(origin, 'r', { packages, nevra: nevraOfFile });
}

function config(origin: FaultyOrigin, carryOver: string, refresh = '1s') {
  const repositories = [{ path: 'r', url: `${origin.url}r/` }];
  return { subscriptions: [{ name: 'vendor', hub: { type: 'yum' }, refresh, carryOver, repositories }] };
}

/** Puts new versions beside the old ones, and waits until they are served. */
async function changed(pop: Pop, origin: FaultyOrigin): Promise<void> {
  const before = (await pop.repository('r')).repomd;
  put(origin, { ...old, ...next });
  await pop.until(({ subscriptions }) => subscriptions[0]?.repositories[0]?.repomd !== before);
}

function packagesOf(origin: FaultyOrigin): string[] {
  return origin.requests.flatMap(({ path }) => (path.endsWith('.rpm') ? [path.slice('/r/p/'.length)] : []));
}

/** Asks for packages as a client, and waits until they are held. */
async function served(pop: Pop, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    expect((await download(pop.content, `/content/r/p/${name}`)).status).toBe(200);
    await pop.held(`/content/r/p/${name}`);
  }
}

/** Resolves with the newest carry-over that went to its end. */
async function carried(pop: Pop): Promise<RunStatus> {
  for (;;) {
    const run = (await pop.runs()).find(
      ({ kind, state }) => kind === 'carry-over' && (state === 'done' || state === 'failed'),
    );
    if (run !== undefined) return run;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('new versions of what was served are there before anybody asks, as the plan foretold', async () => {
  await using origin = await FaultyOrigin.start();
  put(origin, old);
  await using pop = await Pop.start({ config: config(origin, '20GiB', '1h') });
  await pop.published();
  await served(pop, 'app-1-1.noarch.rpm', 'lib-1-1.noarch.rpm');
  await pop.looked();
  put(origin, { ...old, ...next });
  const planned = await pop.run('sync', '--plan', '--json');
  expect(JSON.parse(planned.stdout)).toMatchObject({
    plans: [{ carryOver: { files: 2, bytes: 14, limit: 20 * 2 ** 30 } }],
  });
  expect((await pop.run('sync', '--wait')).code).toBe(0);
  const run = await carried(pop);
  expect(run).toMatchObject({ state: 'done', subscription: 'vendor' });
  expect(run.phases).toEqual([{ name: 'carry-over', done: 2, total: 2, bytes: 14, totalBytes: 14 }]);
  expect(packagesOf(origin).slice(2).toSorted()).toEqual(['app-2-1.noarch.rpm', 'lib-2-1.noarch.rpm']);
  const app = await download(pop.content, '/content/r/p/app-2-1.noarch.rpm');
  expect([app.word, app.body.toString()]).toEqual(['hit', 'app two']);
  const metrics = await pop.metrics();
  const counted = [
    'carry_over_files_total',
    'carry_over_bytes_total',
    'carry_over_used_files_total',
    'carry_over_used_bytes_total',
  ];
  expect(counted.map((name) => metrics.get(name))).toEqual([2, 14, 1, 7]);
  // Nothing that it brought is held back: it is there to be evicted first.
  expect((await pop.status()).cache.evictableBytes).toBeGreaterThanOrEqual(28);
});

test('without carryOver nothing is fetched before somebody asks', async () => {
  await using origin = await FaultyOrigin.start();
  put(origin, old);
  await using pop = await Pop.start({ config: config(origin, 'off') });
  await pop.published();
  await served(pop, 'app-1-1.noarch.rpm');
  await changed(pop, origin);
  expect(packagesOf(origin)).toEqual(['app-1-1.noarch.rpm']);
  expect((await pop.runs()).some(({ kind }) => kind === 'carry-over')).toBe(false);
});

test('what was served before a restart counts, the flip waits for no carry-over, and one that was killed goes on', async () => {
  await using origin = await FaultyOrigin.start();
  put(origin, old);
  const gate = new Gate();
  await using pop = await Pop.start({ config: config(origin, '1MiB') });
  await pop.published();
  await served(pop, 'app-1-1.noarch.rpm');
  await pop.stop();
  await pop.launch();
  await pop.looked();
  const rule = origin.on(/app-2-1/, stallAt(1, gate));
  await changed(pop, origin);
  await gate.reached;
  expect((await download(pop.content, '/content/r/repodata/repomd.xml')).body.toString()).toContain('primary');
  expect((await pop.runs()).find(({ kind }) => kind === 'carry-over')).toMatchObject({
    state: 'running',
    finished: null,
  });
  await pop.kill();
  rule.remove();
  gate.open();
  await pop.launch();
  await pop.held('/content/r/p/app-2-1.noarch.rpm');
  while (!(await pop.runs()).some(({ kind, state }) => kind === 'carry-over' && state === 'done')) await pop.status();
});

test('what cannot be had is named, and stops neither the others nor anything else', async () => {
  await using origin = await FaultyOrigin.start();
  put(origin, old);
  await using pop = await Pop.start({ config: config(origin, '1MiB') });
  await pop.published();
  await served(pop, 'app-1-1.noarch.rpm', 'lib-1-1.noarch.rpm');
  origin.on(/app-2-1/, status(404));
  await changed(pop, origin);
  const run = await carried(pop);
  expect(run.failures).toMatchObject([{ path: 'r/p/app-2-1.noarch.rpm', code: 'upstream_missing' }]);
  await pop.held('/content/r/p/lib-2-1.noarch.rpm');
  expect((await pop.repository('r')).state).toBe('current');
});
