import { expect, test } from 'vitest';
import type { SubscriptionPlan } from '../../base/plan.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';

const minute = 60_000;
const rpm = /\.rpm$/;

/** More than a run reads at a time. */
const ahead = ['a', 'b', 'c', 'd', 'e', 'f'];

const text = (time: number): string => new Date(time).toISOString().slice(11, 16);

function packagesAsked(origin: FaultyOrigin): string[] {
  return origin.requests.map(({ path }) => path).filter((path) => rpm.test(path));
}

test('in office hours nothing is fetched ahead, while clients and metadata go on; afterwards it is', async () => {
  await using origin = await FaultyOrigin.start();
  for (const path of ahead)
    putRepository(origin, path, { packages: { [`p/${path}-1-1.noarch.rpm`]: `bytes ${path}` } });
  putRepository(origin, 'z', { packages: { 'p/z-1-1.noarch.rpm': 'bytes z' } });
  // Time enough for what is to be seen meanwhile; windows know minutes.
  const ends = Math.ceil((Date.now() + 20_000) / minute) * minute;
  const until = new Date(ends).toISOString();
  const repository = (path: string) => ({ path, url: `${origin.url}${path}/` });
  await using pop = await Pop.start({
    config: {
      limits: [{ background: 'off', during: `${text(ends - 10 * minute)}-${text(ends)}` }],
      subscriptions: [
        {
          name: 'vendor',
          hub: { type: 'yum' },
          refresh: '1s',
          policy: 'full',
          overrides: [{ path: 'z', policy: 'on-demand' }],
          repositories: [...ahead, 'z'].map(repository),
        },
      ],
    },
  });
  await pop.published();
  const status = await pop.until(({ subscriptions: [vendor], transfers: { slots } }) => {
    return (vendor?.sync.paused ?? null) !== null && slots.waiting.background >= 4;
  });
  expect(status.transfers.paused).toEqual({ until });
  expect(status.subscriptions[0]?.sync).toMatchObject({ paused: { until }, secondsLeft: null, failed: 0 });
  const shown = (await pop.run('status')).stdout;
  expect(shown).toContain(`background work waits until ${until}`);
  expect(shown).toMatch(new RegExp(`sync running: packages 0 %, waits until ${until}`));

  // The one after all that wait.
  const before = (await pop.repository('z')).repomd;
  putRepository(origin, 'z', { packages: { 'p/z-2-1.noarch.rpm': 'bytes z2' } });
  await pop.until(({ subscriptions: [vendor] }) =>
    (vendor?.repositories ?? []).some(({ path, repomd }) => path === 'z' && repomd !== before),
  );
  expect(packagesAsked(origin)).toEqual([]);
  const asked = await download(pop.content, '/content/b/p/b-1-1.noarch.rpm');
  expect([asked.status, asked.word, asked.body.toString()]).toEqual([200, 'miss', 'bytes b']);
  const { stdout } = await pop.run('sync', '--plan', '--json');
  const [plan] = (JSON.parse(stdout) as { readonly plans: readonly SubscriptionPlan[] }).plans;
  expect(plan).toMatchObject({ paused: { until }, total: { fetch: { files: 5 } } });
  expect(plan?.seconds.allowed).toBeGreaterThanOrEqual(0);
  expect((await pop.metrics()).get('background_paused')).toBe(1);
  expect(Date.now()).toBeLessThan(ends);
  expect(packagesAsked(origin)).toEqual(['/b/p/b-1-1.noarch.rpm']);

  await pop.until(({ subscriptions: [vendor] }) => (vendor?.sync.lastSuccess ?? null) !== null);
  expect(Date.now()).toBeGreaterThanOrEqual(ends);
  const all = ahead.map((path) => `/${path}/p/${path}-1-1.noarch.rpm`);
  expect(packagesAsked(origin).toSorted()).toEqual(all);
  expect((await pop.runs()).flatMap(({ failures }) => failures)).toEqual([]);
  expect((await pop.status()).transfers.paused).toBe(null);
  expect((await pop.metrics()).get('background_paused')).toBe(0);
  const log = pop.output;
  expect(log).toContain('background work waits, as limits say');
  expect(log).toContain('background work goes on');
}, 150_000);
