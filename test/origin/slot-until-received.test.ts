import { expect, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import type { Purpose } from '../../base/transfer.ts';
import { SourceSet } from '../../origin/source-set.ts';
import { cutAt, FaultyOrigin } from '../support/faulty-origin.ts';
import { freeTraffic } from '../support/free-traffic.ts';
import { bytesOf, failureOf, pattern, TestClient } from './clients.ts';

const never = new AbortController().signal;
const file = pattern(20_000);

async function upstream() {
  const origin = await FaultyOrigin.start();
  origin.put('/repo/a.rpm', file);
  const traffic = freeTraffic();
  const client = new TestClient({ urls: [origin.url] }, { traffic });
  const parts = { client: client.client, health: client.health, clock: systemClock, log: silentLogger };
  const sources = new SourceSet({ ...parts, urls: [`${origin.url}repo`], mirrorLists: [] });
  return {
    origin,
    traffic,
    loader: (purpose: Purpose) => sources.loader('a.rpm', purpose),
    async [Symbol.asyncDispose](): Promise<void> {
      await client[Symbol.asyncDispose]();
      await origin.stop();
    },
  };
}

test('a package has its slot until its bytes are in a file, not only until they are here', async () => {
  await using up = await upstream();
  const loader = up.loader('background');
  expect(await bytesOf(await loader.open(0, never))).toEqual(file);
  expect(up.traffic.slots.busy.background).toBe(1);
  loader.received?.();
  expect(up.traffic.slots.busy.background).toBe(0);
  loader.done?.();
  expect(up.traffic.slots.busy.background).toBe(0);
  expect(up.traffic.taken).toBe(file.length);
});

test('it has it over a cut, and leaves it when it is given up', async () => {
  await using up = await upstream();
  up.origin.on('/repo/a.rpm', cutAt(5_000));
  const loader = up.loader('background');
  expect((await failureOf(bytesOf(await loader.open(0, never)))).code).toBe('upstream_cut');
  expect(up.traffic.slots.busy.background).toBe(1);
  loader.done?.();
  expect(up.traffic.slots.busy.background).toBe(0);
});

test.each<Purpose>(['client', 'metadata'])('for %s the slot is free with the last byte', async (purpose) => {
  await using up = await upstream();
  expect(await bytesOf(await up.loader(purpose).open(0, never))).toEqual(file);
  expect(up.traffic.slots.busy[purpose]).toBe(0);
});
