import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FaultyOrigin, Gate, stallAt } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download, type Downloaded, type DownloadOptions } from '../support/http-download.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { Pop } from '../support/pop.ts';

const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
const small = (name: string): string => `the bytes of ${name}`;
const big = incompressibleText(3 << 20);
const packages: Record<string, string> = {
  'd.rpm': small('d.rpm'),
  'e.rpm': small('e.rpm'),
  'big.rpm': big,
  'cold.rpm': `${big}c`,
};

describe('ranges and conditions', () => {
  let origin: FaultyOrigin;
  let pop: Pop;
  beforeAll(async () => {
    origin = await FaultyOrigin.start();
    putRepository(origin, 'tools', { packages, types: ['primary'] });
    pop = await Pop.start({ repositories: [{ path: 'tools', url: `${origin.url}tools/` }] });
    await pop.published();
  });
  afterAll(async () => {
    await pop[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
  });
  const get = (path: string, options?: DownloadOptions): Promise<Downloaded> => download(pop.content, path, options);

  const ranges: [range: string, code: number, contentRange: string | null, slice: [number, number?]][] = [
    ['bytes=0-3', 206, 'bytes 0-3/', [0, 4]],
    ['bytes=5-', 206, 'bytes 5-', [5]],
    ['bytes=-4', 206, null, [-4]],
    ['bytes=0-0', 206, 'bytes 0-0/', [0, 1]],
    ['bytes=3-99999999', 206, null, [3]],
    ['bytes=9-3', 200, null, [0]],
    ['items=0-3', 200, null, [0]],
  ];
  test.each(ranges)('a range %s is answered %i', async (range, code, contentRange, slice) => {
    for (const name of ['d.rpm', 'big.rpm']) {
      const whole = packages[name] ?? '';
      const answer = await get(`/content/tools/${name}`, { headers: { range } });
      expect(answer.status).toBe(code);
      expect(answer.body.toString() === whole.slice(...slice)).toBe(true);
      expect(answer.headers['content-length']).toBe(String(answer.body.length));
      if (contentRange !== null) expect(answer.headers['content-range']).toContain(contentRange);
      if (code === 206) expect(answer.headers['content-range']).toMatch(new RegExp(`/${whole.length}$`));
    }
  });

  test('a range beyond the end is 416 with the size, and counts as invalid', async () => {
    const answer = await get('/content/tools/d.rpm', { headers: { range: 'bytes=500-' } });
    expect(answer).toMatchObject({ status: 416, word: 'invalid' });
    expect(answer.headers['content-range']).toBe(`bytes */${small('d.rpm').length}`);
  });

  test('several ranges come as one multipart answer', async () => {
    const answer = await get('/content/tools/big.rpm', { headers: { range: 'bytes=0-9,1000000-1000099,-5' } });
    expect(answer.status).toBe(206);
    const boundary = /^multipart\/byteranges; boundary=([A-Za-z0-9]+)$/.exec(answer.headers['content-type'] ?? '')?.[1];
    const parts = answer.body.toString().split(`--${boundary ?? 'none'}`);
    expect(parts.at(-1)?.trim()).toBe('--');
    const bodies = parts.slice(1, -1).map((part) => part.slice(part.indexOf('\r\n\r\n') + 4, -2));
    expect(bodies).toEqual([big.slice(0, 10), big.slice(1_000_000, 1_000_100), big.slice(-5)]);
    expect(answer.headers['content-length']).toBe(String(answer.body.length));
  });

  test('If-Range lets a range through only for the same bytes', async () => {
    const etag = `"${sha256(small('d.rpm'))}"`;
    const ask = (ifRange: string): Promise<Downloaded> =>
      get('/content/tools/d.rpm', { headers: { range: 'bytes=0-3', 'if-range': ifRange } });
    expect((await ask(etag)).status).toBe(206);
    for (const other of ['"another"', `W/${etag}`, new Date().toUTCString()])
      expect((await ask(other)).status).toBe(200);
  });

  test('the beginning of a cold file comes before its end has arrived', async () => {
    const gate = new Gate();
    origin.on('/tools/cold.rpm', stallAt(2 << 20, gate));
    const answer = await get('/content/tools/cold.rpm', { headers: { range: 'bytes=1000-1999' } });
    expect(answer.status).toBe(206);
    expect(answer.body.toString()).toBe(big.slice(1000, 2000));
    gate.open();
  });

  test.each([
    ['if-none-match', (etag: string) => etag, 304],
    ['if-none-match', (etag: string) => `W/${etag}, "x"`, 304],
    ['if-none-match', () => '*', 304],
    ['if-none-match', () => '"x"', 200],
    ['if-match', () => '"x"', 412],
    ['if-match', (etag: string) => etag, 200],
    // There is no Last-Modified: the digest is the only validator.
    ['if-modified-since', () => new Date().toUTCString(), 200],
  ])('%s is honoured (%s → %i)', async (name, value, code) => {
    for (const path of ['/content/tools/e.rpm', '/content/tools/repodata/repomd.xml']) {
      const { headers } = await get(path);
      await pop.held(path);
      const answer = await get(path, { headers: { [name]: value(headers.etag ?? '') } });
      expect(answer.status).toBe(code);
      if (code === 304) {
        expect(answer.body).toHaveLength(0);
        expect(answer.word).toBe('hit');
        expect(answer.headers).toMatchObject({ etag: headers.etag, 'cache-control': headers['cache-control'] });
      }
    }
  });
});
