import { expect, test } from 'vitest';
import { Gate } from '../support/faulty-origin-gate.ts';
import { drip } from '../support/faulty-origin-lies.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';

const kib = 1024;
const rpm = /\.rpm$/;

/** Packages of this many KiB each; every repository has its own. */
function packages(count: number, size: number, of = ''): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `p/package${index}-1-1.noarch.rpm`,
      `${of}${index} `.padEnd(size * kib, 'x'),
    ]),
  );
}

/** The packages that an origin was asked for so far. */
function files(origin: FaultyOrigin): string[] {
  return [...new Set(origin.requests.map(({ path }) => path))].filter((path) => rpm.test(path));
}

function subscription(name: string, origin: FaultyOrigin, paths: readonly string[], policy = 'full') {
  const repositories = paths.map((path) => ({ path, url: `${origin.url}${path}/` }));
  return { name, hub: { type: 'yum' }, refresh: '1h', policy, repositories };
}

test('a full sync stays below the limit, and a client that misses meanwhile does not wait for it', async () => {
  await using origin = await FaultyOrigin.start();
  const wanted = packages(48, 128);
  putRepository(origin, 'full', { packages: wanted });
  const miss = `miss ${'y'.repeat(256 * kib)}`;
  putRepository(origin, 'demand', { packages: { 'p/miss-1-1.noarch.rpm': miss } });
  const rate = 1024 * kib;
  await using pop = await Pop.start({
    config: {
      limits: [{ rate: '1MiB/s' }, { rate: '900MiB/s' }],
      subscriptions: [
        subscription('everything', origin, ['full']),
        subscription('some', origin, ['demand'], 'on-demand'),
      ],
    },
  });
  const began = performance.now();
  await pop.published('demand');
  const { transfers } = await pop.until(({ transfers: { throttled } }) => throttled);
  expect(transfers).toMatchObject({ limit: { rate, until: null }, slots: { perHub: 16, total: 32 } });
  const answer = await download(pop.content, '/content/demand/p/miss-1-1.noarch.rpm');
  expect([answer.status, answer.word, answer.body.toString() === miss]).toEqual([200, 'miss', true]);
  // Six seconds of packages, of which the client took a quarter of one.
  expect((await pop.repository('full')).packages.held).toBeLessThan(48);
  expect((await pop.run('sync', '--wait')).code).toBe(0);
  const seconds = (performance.now() - began) / 1000;
  const metrics = await pop.metrics();
  const taken = ['client', 'metadata', 'background'].map(
    (purpose) => metrics.get(`upstream_bytes_total{purpose="${purpose}"}`) ?? 0,
  );
  expect(taken[2]).toBe(48 * 128 * kib);
  const bytes = taken.reduce((sum, count) => sum + count, 0);
  // A tenth of a second at once, and a chunk of each transfer.
  expect(bytes).toBeLessThanOrEqual(rate * (seconds + 0.1) + 17 * 256 * kib);
  expect(seconds).toBeGreaterThan(4);
  expect(metrics.get('limit_bytes_per_second')).toBe(rate);
  expect(metrics.get('limit_throttled_seconds_total')).toBeGreaterThan(2);
  expect(metrics.get('limit_waited_bytes_total{purpose="background"}')).toBeGreaterThan(2048 * kib);
});

test('subscriptions and repositories share the slots of a hub and of all, and clients need none', async () => {
  await using one = await FaultyOrigin.start();
  await using two = await FaultyOrigin.start();
  const gate = new Gate();
  for (const origin of [one, two]) {
    for (const path of ['a', 'b', 'c'])
      putRepository(origin, path, { packages: packages(6, 4, `${origin.port}${path}`) });
    origin.on(rpm, drip(20, gate));
  }
  await using pop = await Pop.start({
    config: {
      transfers: { perHub: 3, total: 4 },
      subscriptions: [
        subscription('first', one, ['a', 'b']),
        subscription('second', one, ['c']),
        { ...subscription('third', two, ['a']), prefix: 'two' },
      ],
    },
  });
  const { transfers, cache } = await pop.until(
    ({ transfers: { slots } }) => slots.busy.background >= 4 && slots.waiting.background >= 8,
  );
  // Room is taken for what is under way alone.
  expect(cache.reservedBytes).toBeLessThanOrEqual(4 * 4 * kib);
  expect(transfers.slots).toMatchObject({ perHub: 3, total: 4, busy: { client: 0 } });
  await pop.until(() => files(one).length + files(two).length >= 4);
  expect(Math.max(files(one).length, files(two).length)).toBeLessThanOrEqual(3);
  // Its turn has not come; a client's comes at once.
  const name = Object.keys(packages(6, 4)).find((href) => !files(one).includes(`/c/${href}`)) ?? '';
  await pop.published('c');
  const missing = download(pop.content, `/content/c/${name}`);
  await one.requested(`/c/${name}`);
  expect(files(one).length + files(two).length).toBe(5);
  expect((await pop.metrics()).get('transfers_busy{purpose="client"}')).toBe(1);
  gate.open();
  expect((await missing).status).toBe(200);
  expect((await pop.run('sync', '--wait')).code).toBe(0);
  const { slots } = (await pop.status()).transfers;
  expect(slots.busy).toEqual({ client: 0, metadata: 0, background: 0 });
  expect(slots.waiting).toEqual({ client: 0, metadata: 0, background: 0 });
  // Every file once: also the one that a client came before its turn for.
  const whole = (origin: FaultyOrigin): number =>
    origin.requests.filter(({ path, ended }) => rpm.test(path) && ended === 'complete').length;
  expect([whole(one), whole(two)]).toEqual([18, 6]);
});

test("a package that a sync has begun is the client's once a client asks for it", async () => {
  await using origin = await FaultyOrigin.start();
  const [first = '', second = ''] = Object.keys(packages(2, 200));
  putRepository(origin, 'a', { packages: packages(2, 200) });
  const gate = new Gate();
  origin.on(rpm, drip(2000, gate));
  await using pop = await Pop.start({
    config: { transfers: { perHub: 1, total: 1 }, subscriptions: [subscription('first', origin, ['a'])] },
  });
  await gate.reached;
  await pop.published();
  const begun = origin.requests.find(({ path }) => rpm.test(path))?.path ?? '';
  const joined = download(pop.content, `/content${begun}`);
  // What it leaves is the next package's.
  const other = [first, second].find((href) => !begun.endsWith(href)) ?? '';
  await origin.requested(`/a/${other}`);
  await pop.until(({ transfers: { slots } }) => slots.busy.client === 1 && slots.busy.background === 1);
  gate.open();
  expect(await joined).toMatchObject({ status: 200, word: 'collapsed' });
  expect(origin.requests.filter(({ path, ended }) => path === begun && ended === 'complete')).toHaveLength(1);
});
