import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Loader } from '../../base/transfer.ts';
import { arrivedBy, tellingArrivals } from '../../mirror/arrivals.ts';
import type { ReadProgress } from '../../mirror/progress.ts';
import { cutAt, flippedAt } from '../support/faulty-origin-lies.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { MemorySink } from '../support/memory-sink.ts';
import { upstream } from '../support/upstream.ts';

const mib = 1024 * 1024;
const patient = new AbortController().signal;

class Told implements ReadProgress {
  readonly arrivals: { readonly bytes: number; readonly moved: boolean }[] = [];
  readonly expected = (): void => {};
  readonly done = (): void => {};
  readonly arrived = (bytes: number, moved: boolean): void => void this.arrivals.push({ bytes, moved });

  get sum(): number {
    return this.arrivals.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

async function origin(
  size: number,
): Promise<AsyncDisposable & { server: FaultyOrigin; bytes: Buffer; loader: Loader }> {
  const server = await FaultyOrigin.start();
  const bytes = Buffer.from(incompressibleText(size, 'a'));
  server.put('a.rpm', bytes);
  const loader = upstream([server.url]).loader('a.rpm');
  return { server, bytes, loader, [Symbol.asyncDispose]: () => server.stop() };
}

function fetched(bytes: Buffer, loader: Loader): Promise<void> {
  return new MemorySink().ensure('open', { digest: digestOf(bytes), size: bytes.length }, loader, patient);
}

test('a large file is told piece by piece as it arrives, and all of it in the end', async () => {
  await using there = await origin(4 * mib);
  const told = new Told();
  const loader = tellingArrivals(there.loader, 4 * mib, told);
  await fetched(there.bytes, loader);
  expect(told.arrivals.length).toBeGreaterThan(4);
  expect([told.sum, arrivedBy(loader), told.arrivals.every(({ moved }) => moved)]).toEqual([4 * mib, 4 * mib, true]);
});

test('what is sent again counts once: after a cut, and from the beginning after a lie', async () => {
  await using there = await origin(3 * mib);
  there.server.times(1, '/a.rpm', flippedAt(2.5 * mib));
  there.server.times(1, '/a.rpm', cutAt(2 * mib));
  const told = new Told();
  const loader = tellingArrivals(there.loader, 3 * mib, told);
  await fetched(there.bytes, loader);
  expect(there.server.requests.filter(({ path }) => path === '/a.rpm').length).toBeGreaterThan(2);
  expect([told.sum, arrivedBy(loader)]).toEqual([3 * mib, 3 * mib]);
});

test('what an earlier try left is there at once, and was not moved', async () => {
  await using there = await origin(3 * mib);
  const told = new Told();
  const loader = tellingArrivals(there.loader, 3 * mib, told);
  const transfer = await loader.open(2 * mib, patient);
  expect(told.arrivals).toEqual([{ bytes: 2 * mib, moved: false }]);
  await transfer.consume(() => {});
  expect(told.sum).toBe(3 * mib);
});

test('small files, and those that nobody wants to hear of, go by the loader itself', async () => {
  await using there = await origin(100);
  expect(tellingArrivals(there.loader, 100, new Told())).toBe(there.loader);
  expect(tellingArrivals(there.loader, 9 * mib, { expected: () => {}, done: () => {} })).toBe(there.loader);
  expect(arrivedBy(there.loader)).toBe(0);
});
