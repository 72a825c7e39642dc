import { expect, test } from 'vitest';
import type { SubscriptionPlan } from '../../base/plan.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';

/** Top-level keys of a configuration with one subscription of these repositories. */
function subscribed(origin: FaultyOrigin, paths: readonly string[], more: object = {}) {
  const repositories = paths.map((path) => ({ path, url: `${origin.url}${path}/` }));
  return { subscriptions: [{ name: 'vendor', hub: { type: 'yum' }, refresh: '1h', repositories, ...more }] };
}

function packagesOf(origin: FaultyOrigin): string[] {
  return origin.requests.map(({ path }) => path).filter((path) => path.endsWith('.rpm'));
}

async function plansOf(pop: Pop): Promise<{ readonly code: number | null; readonly plan: SubscriptionPlan }> {
  const { code, stdout } = await pop.run('sync', '--plan', '--json');
  const { plans } = JSON.parse(stdout) as { readonly plans: readonly SubscriptionPlan[] };
  if (plans[0] === undefined) throw new Error(`no plan: ${stdout}`);
  return { code, plan: plans[0] };
}

test('sync --plan tells what a sync then fetches, as a table and as a document', async () => {
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'a', { packages: { 'p/one.rpm': 'one'.repeat(100), 'p/two.rpm': 'two'.repeat(200) } });
  putRepository(origin, 'b', { packages: { 'p/three.rpm': 'three' } });
  const overrides = [{ path: 'a', policy: 'full' }];
  await using pop = await Pop.start({ config: subscribed(origin, ['a', 'b'], { overrides }) });
  await pop.until(({ subscriptions }) => subscriptions[0]?.repositories[0]?.packages.held === 2);
  await pop.published();
  const { code, plan } = await plansOf(pop);
  expect(code).toBe(0);
  expect(plan.repositories.map(({ policy, fetch, onDemand }) => [policy, fetch.files, onDemand])).toEqual([
    ['full', 0, { files: 0, bytes: 0, unsized: 0 }],
    ['on-demand', 0, { files: 1, bytes: 5, unsized: 0 }],
  ]);
  const text = (await pop.run('sync', '--plan')).stdout;
  expect(text).toMatch(/^vendor: 0 files, 0 B to fetch/);
  expect(text).toMatch(/^ +b +on-demand +- +\d+ files, [\d.]+ K?i?B +1 file, 5 B +-$/m);
  expect(text).toContain('it fits');
});

test('a policy that an override changes fetches what is missing of that repository and nothing else', async () => {
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'a', { packages: { 'p/one.rpm': 'one', 'p/two.rpm': 'two' } });
  putRepository(origin, 'b', { packages: { 'p/three.rpm': 'three' } });
  await using pop = await Pop.start({ config: subscribed(origin, ['a', 'b']) });
  await pop.published();
  await download(pop.content, '/content/a/p/one.rpm');
  await pop.held('/content/a/p/one.rpm');
  await pop.stop();
  await pop.reconfigure(subscribed(origin, ['a', 'b'], { overrides: [{ path: 'a', policy: 'full' }] }));
  await pop.launch();
  const overridden = await pop.until(({ subscriptions }) => subscriptions[0]?.repositories[0]?.packages.held === 2);
  expect(overridden.subscriptions[0]?.repositories.map(({ path, policy }) => [path, policy])).toEqual([
    ['a', 'full'],
    ['b', 'on-demand'],
  ]);
  expect(packagesOf(origin)).toEqual(['/a/p/one.rpm', '/a/p/two.rpm']);
});

test('a full sync that cannot fit fetches no package, says so with the numbers, and serves on demand', async () => {
  await using origin = await FaultyOrigin.start();
  const [one, two] = [incompressibleText(700_000), incompressibleText(800_000)];
  putRepository(origin, 'a', { packages: { 'p/one.rpm': one, 'p/two.rpm': two } });
  const cache = { max: '1MiB', keepFree: '0%' };
  await using pop = await Pop.start({ config: { ...subscribed(origin, ['a'], { policy: 'full' }), cache } });
  const synced = await pop.run('sync', '--wait');
  expect(synced.code).toBe(1);
  expect(synced.stderr).toMatch(/a: does_not_fit: .*2 packages of 1\.4 MiB .*cache\.max 1 MiB/);
  expect(packagesOf(origin)).toEqual([]);
  const { code, plan } = await plansOf(pop);
  expect(code).toBe(1);
  expect(plan.room).toMatchObject({ needed: 1_500_000, max: 1024 * 1024, fits: false });
  expect(await pop.repository('a')).toMatchObject({ state: 'behind', reason: expect.stringContaining('does_not_fit') });
  const answer = await download(pop.content, '/content/a/p/one.rpm');
  expect([answer.status, answer.body.toString() === one]).toEqual([200, true]);
});

test('sync --plan names a subscription that there is not, and needs the service', async () => {
  await using pop = await Pop.start({});
  const unknown = await pop.run('sync', 'nobody', '--plan');
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('nobody')]);
  await pop.stop();
  expect((await pop.run('sync', '--plan')).code).toBe(69);
});
