import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import type { Loader } from '../../base/transfer.ts';
import { judge } from '../../origin/judgement.ts';
import { SourceSet } from '../../origin/source-set.ts';
import { contentRangeSays, cutAt, FaultyOrigin, ignoringRange, lengthSays, status } from '../support/faulty-origin.ts';
import type { Lie } from '../support/faulty-origin.ts';
import { bytesOf, failureOf, pattern, TestClient } from './clients.ts';

const file = pattern(300_000);
const signal = new AbortController().signal;
let one: FaultyOrigin;
let two: FaultyOrigin;
let upstream: TestClient;

beforeEach(async () => {
  one = await FaultyOrigin.start();
  two = await FaultyOrigin.start();
  for (const origin of [one, two]) origin.put('/repo/f', file);
  upstream = new TestClient({ urls: [one.url, two.url] });
});
afterEach(async () => {
  await upstream[Symbol.asyncDispose]();
  await one.stop();
  await two.stop();
});

/** The tries for bytes 1,000 to 200,000 of the file. */
function slice(...origins: readonly FaultyOrigin[]): Loader {
  const set = new SourceSet({
    client: upstream.client,
    health: upstream.health,
    clock: systemClock,
    log: silentLogger,
    urls: origins.map(({ url }) => `${url}repo`),
    mirrorLists: [],
  });
  return set.slice('f', { start: 1_000, end: 200_000, total: file.length });
}

describe('a slice of a file', () => {
  test('is asked for as one range, and what was cut off as another', async () => {
    one.times(1, '/repo/f', cutAt(50_000));
    const loader = slice(one);
    const transfer = await loader.open(1_000, signal);
    expect(transfer).toMatchObject({ offset: 1_000, total: file.length });
    let reached = 1_000;
    await expect(transfer.consume((chunk) => void (reached += chunk.length))).rejects.toMatchObject({
      code: 'upstream_cut',
    });
    const rest = await bytesOf(await loader.open(reached, signal));
    expect(rest.equals(file.subarray(reached, 200_000))).toBe(true);
    expect(one.requests.map(({ headers }) => headers['range'])).toEqual([
      'bytes=1000-199999',
      `bytes=${reached}-199999`,
    ]);
  });

  test('may begin at the first byte', async () => {
    const transfer = await slice(one).open(0, signal);
    expect((await bytesOf(transfer)).equals(file.subarray(0, 200_000))).toBe(true);
  });

  test.each<[string, Lie]>([
    ['that ignores ranges', ignoringRange()],
    ['that begins elsewhere', contentRangeSays('bytes 1001-199999/300000')],
    ['that ends elsewhere', contentRangeSays('bytes 1000-199998/300000')],
    ['that goes on to the end', contentRangeSays('bytes 1000-299999/300000')],
    ['that has another length', contentRangeSays('bytes 1000-199999/300001')],
    ['that does not know the length', contentRangeSays('bytes 1000-199999/*')],
    ['whose lengths contradict each other', lengthSays(198_000)],
    ['that does not have it', status(404)],
    ['that finds the range wrong', status(416)],
  ])('is not taken from a source %s, but from the next', async (_what, lie) => {
    one.on('/repo/f', lie);
    const transfer = await slice(one, two).open(1_000, signal);
    expect((await bytesOf(transfer)).equals(file.subarray(1_000, 200_000))).toBe(true);
    expect(two.count('/repo/f')).toBe(1);
  });

  test('is refused at once when the only source ignores ranges', async () => {
    one.on('/repo/f', ignoringRange());
    expect((await failureOf(slice(one).open(1_000, signal))).code).toBe('upstream_lied');
    expect(one.count('/repo/f')).toBe(1);
  });
});

test('a part that was asked for with its end is judged by both of its ends and by the length of the file', () => {
  const asked = { offset: 3, until: { end: 6, total: 9 }, conditional: false, where: 'http://o/f', now: 0 };
  const judged = (range: string): string =>
    judge({ status: 206, headers: { 'content-range': range, 'content-length': '3' } }, asked).kind;
  expect(judged('bytes 3-5/9')).toBe('body');
  for (const wrong of ['bytes 2-4/9', 'bytes 3-6/9', 'bytes 3-5/10', 'bytes 3-5/*', 'bytes 3-8/9', '']) {
    expect([wrong, judged(wrong)]).toEqual([wrong, 'refused']);
  }
});
