import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cutAt, drip, FaultyOrigin, flippedAt, Gate, hang, ignoringRange, stallAt } from '../support/faulty-origin.ts';
import type { LoggedRequest } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { Download, download } from '../support/http-download.ts';
import type { Downloaded } from '../support/http-download.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { Pop } from '../support/pop.ts';

const mebibyte = 1 << 20;
const big = incompressibleText(20 * mebibyte, 'd');
const huge = incompressibleText(100 * mebibyte, 'e');
const packages: Record<string, string> = {
  'huge.rpm': huge,
  ...Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`big-${index}.rpm`, `${index}${big}`])),
};
const deep = { headers: { range: `bytes=${15 * mebibyte}-${15 * mebibyte + 99_999}` } };
const wanted = (name: string): string => (packages[name] ?? '').slice(15 * mebibyte, 15 * mebibyte + 100_000);

/** Requests for one path, those for a slice of it or the others. */
const sliced = (path: string) => (request: Pick<LoggedRequest, 'path' | 'headers'>) =>
  request.path === path && /^bytes=\d+-\d+$/.test(request.headers['range'] ?? '');
const unsliced = (path: string) => (request: Pick<LoggedRequest, 'path' | 'headers'>) =>
  request.path === path && !sliced(path)(request);

describe('a range far into a file that is not held', () => {
  let origin: FaultyOrigin;
  let pop: Pop;
  beforeAll(async () => {
    origin = await FaultyOrigin.start();
    putRepository(origin, 'r', { packages, types: ['primary'] });
    pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
  });
  afterAll(async () => {
    await pop[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
  });
  const get = (name: string): Promise<Downloaded> => download(pop.content, `/content/r/${name}`, deep);
  const asked = (path: string): LoggedRequest[] => origin.requests.filter((request) => request.path === path);

  test('is there in 1.5 s when the upstream needs 10 s for the whole', async () => {
    origin.on('/r/huge.rpm', drip(10_000_000));
    const range = `bytes=${90 * mebibyte}-${90 * mebibyte + 999_999}`;
    const client = new Download(pop.content, '/content/r/huge.rpm', { headers: { range } });
    const { status, headers, body, complete, word } = await client.done;
    expect(client.firstByte).toBeLessThan(1_500);
    expect([status, complete, word]).toEqual([206, true, 'partial']);
    expect(headers['content-range']).toBe(`bytes ${90 * mebibyte}-${90 * mebibyte + 999_999}/${huge.length}`);
    expect(body.toString() === huge.slice(90 * mebibyte, 90 * mebibyte + 1_000_000)).toBe(true);
    expect(asked('/r/huge.rpm').map((request) => request.headers['range'])).toEqual([undefined, range]);
    const line = await pop.accessLine(({ path }) => path.endsWith('huge.rpm'));
    expect(line).toMatchObject({ outcome: 'partial', status: 206, bytes: 1_000_000 });
    expect((await pop.metrics()).get('requests_total{outcome="partial",code="206"}')).toBeGreaterThan(0);
  });

  test('does not keep the fill from becoming the proven file, with the same ETag', async () => {
    const gate = new Gate();
    const rule = origin.on(unsliced('/r/big-0.rpm'), stallAt(1_000, gate));
    const cold = await get('big-0.rpm');
    expect([cold.word, cold.body.toString() === wanted('big-0.rpm')]).toEqual(['partial', true]);
    gate.open();
    rule.remove();
    await pop.held('/content/r/big-0.rpm');
    const warm = await get('big-0.rpm');
    expect([warm.word, warm.body.equals(cold.body), warm.headers.etag]).toEqual(['hit', true, cold.headers.etag]);
    expect(asked('/r/big-0.rpm')).toHaveLength(2);
  });

  test('goes on where its transfer was cut', async () => {
    origin.on(unsliced('/r/big-1.rpm'), drip(1_000_000));
    origin.times(1, sliced('/r/big-1.rpm'), cutAt(50_000));
    const { complete, body, word } = await get('big-1.rpm');
    expect([complete, word, body.toString() === wanted('big-1.rpm')]).toEqual([true, 'partial', true]);
  });

  test('waits for the fill when the upstream knows no ranges', async () => {
    origin.on('/r/big-2.rpm', ignoringRange());
    const { status, word, body } = await get('big-2.rpm');
    expect([status, word, body.toString() === wanted('big-2.rpm')]).toEqual([206, 'miss', true]);
  });

  test('is never stored: wrong bytes of a slice reach nobody after it', async () => {
    const gate = new Gate();
    origin.on(unsliced('/r/big-3.rpm'), stallAt(1_000, gate));
    origin.times(1, sliced('/r/big-3.rpm'), flippedAt(15 * mebibyte));
    expect((await get('big-3.rpm')).body.toString() === wanted('big-3.rpm')).toBe(false);
    gate.open();
    await pop.held('/content/r/big-3.rpm');
    expect((await get('big-3.rpm')).body.toString() === wanted('big-3.rpm')).toBe(true);
  });

  test('is an error in 10 s when the upstream says nothing', async () => {
    const gate = new Gate();
    origin.on('/r/big-4.rpm', hang(gate));
    const { status, word, took } = await get('big-4.rpm');
    expect([status, word]).toEqual([504, 'unavailable']);
    expect(took).toBeLessThan(10_000);
    gate.open();
  });
});
