import { setTimeout as after } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readWhole } from '../../origin/read-whole.ts';
import {
  chunked,
  contentEncodingSays,
  contentRangeSays,
  cutAt,
  drip,
  falseNotModified,
  FaultyOrigin,
  garbage,
  Gate,
  hang,
  header,
  ignoringRange,
  lengthSays,
  longerBy,
  noAnswer,
  oversizedHeader,
  portalPage,
  redirect,
  shorterBy,
  stallAt,
  status,
  unaskedPartial,
  untilClose,
} from '../support/faulty-origin.ts';
import type { Lie } from '../support/faulty-origin.ts';
import { bytesOf, failureOf, pattern, TestClient } from './clients.ts';

const file = pattern(300_000);
let origin: FaultyOrigin;
let upstream: TestClient;
let url: string;

beforeEach(async () => {
  origin = await FaultyOrigin.start();
  origin.put('/f', file);
  url = `${origin.url}f`;
  upstream = new TestClient({ urls: [origin.url] }, { idleTimeout: 500 });
});
afterEach(async () => {
  await upstream[Symbol.asyncDispose]();
  await origin.stop();
});

describe('a request is made afresh', () => {
  test('it has only the headers that a plain GET needs', async () => {
    await bytesOf(await upstream.found(url));
    expect(origin.requests[0]).toMatchObject({ method: 'GET', target: '/f' });
    expect(origin.requests[0]?.headers).toEqual({
      host: `127.0.0.1:${origin.port}`,
      connection: 'keep-alive',
      'user-agent': 'waystation/1.2.3',
      accept: '*/*',
      'accept-encoding': 'identity',
    });
  });

  test('a range and validators are asked for when they are wanted', async () => {
    const { etag, lastModified } = await upstream.found(url);
    expect(await upstream.get(url, { validators: { etag, lastModified } })).toEqual({ kind: 'not-modified' });
    expect((await upstream.get(url, { validators: { etag: '"other"', lastModified: null } })).kind).toBe('found');
    await bytesOf(await upstream.found(url, { offset: 299_990 }));
    const asked = origin.requests.map(({ headers }) => [
      headers['range'],
      headers['if-none-match'],
      headers['if-modified-since'],
    ]);
    expect(asked).toEqual([
      [undefined, undefined, undefined],
      [undefined, etag, lastModified],
      [undefined, '"other"', undefined],
      ['bytes=299990-', undefined, undefined],
    ]);
  });

  test('the path goes out as the URL spells it', async () => {
    origin.put('/a b+^é.rpm', 'x');
    await bytesOf(await upstream.found(`${origin.url}a%20b%2B%5E%C3%A9.rpm`));
    expect(origin.requests[0]?.target).toBe('/a%20b%2B%5E%C3%A9.rpm');
  });

  test('a header value that cannot be sent is an error, not a crash', async () => {
    await using odd = new TestClient({ urls: [origin.url], headers: { 'X-Odd': async () => 'a\r\nb: c' } });
    await expect(odd.get(url)).rejects.toMatchObject({ name: 'WaystationError' });
    expect(origin.requests).toEqual([]);
  });

  test('connections are used again', async () => {
    for (let time = 0; time < 9; time++) {
      await bytesOf(await upstream.found(url));
      await failureOf(upstream.get(`${origin.url}none`));
    }
    // A connection is free again one turn of the event loop after its last response: two take turns.
    expect(origin.connections).toBeLessThanOrEqual(2);
  });
});

describe('a body arrives as it was sent', () => {
  test.each<[string, Lie[], number | null]>([
    ['with a length', [], 300_000],
    ['in chunks', [chunked()], null],
    ['until the connection closes', [untilClose()], null],
    ['slowly', [drip(1_000_000)], 300_000],
  ])('%s', async (_name, lies, total) => {
    origin.on('/f', ...lies);
    const transfer = await upstream.found(url);
    expect(transfer).toMatchObject({ source: url, offset: 0, total });
    expect((await bytesOf(transfer)).equals(file)).toBe(true);
  });

  test.each<[string, Lie[]]>([
    ['with a length', []],
    ['in chunks', [chunked()]],
    ['until the connection closes', [untilClose()]],
    ['with a length, on a connection that closes behind it', [header('connection', 'close')]],
  ])('a sink that takes its time gets every byte in order: %s', async (_name, lies) => {
    origin.on('/f', ...lies);
    const chunks: Buffer[] = [];
    let inside = 0;
    await (
      await upstream.found(url)
    ).consume(async (chunk) => {
      expect(inside++).toBe(0);
      expect(chunk.length).toBeGreaterThan(0);
      await after(5);
      inside--;
      chunks.push(chunk);
    });
    expect(Buffer.concat(chunks).equals(file)).toBe(true);
  });

  test('while the sink is busy the origin is not read', async () => {
    const large = pattern(32 * 1024 * 1024);
    origin.put('/large', large);
    const transfer = await upstream.found(`${origin.url}large`);
    const gate = new Gate();
    let received = 0;
    const done = transfer.consume((chunk) => {
      received += chunk.length;
      if (received === chunk.length) return new Promise<void>((resolve) => void gate.come(resolve));
      return undefined;
    });
    await gate.reached;
    const sent = await settled(() => origin.requests[0]?.sent ?? 0);
    expect(sent).toBeLessThan(16 * 1024 * 1024);
    gate.open();
    await done;
    expect(received).toBe(large.length);
  });

  test('chunks that are kept stay as they were', async () => {
    origin.put('/large', pattern(8 * 1024 * 1024));
    const bytes = await bytesOf(await upstream.found(`${origin.url}large`));
    expect(bytes.equals(pattern(8 * 1024 * 1024))).toBe(true);
  });

  test('a resumed body goes on at its offset, from those who know ranges and those who do not', async () => {
    expect((await bytesOf(await upstream.found(url, { offset: 123_457 }))).equals(file.subarray(123_457))).toBe(true);
    origin.on('/f', ignoringRange());
    const whole = await upstream.found(url, { offset: 123_457 });
    expect(whole).toMatchObject({ offset: 123_457, total: 300_000 });
    expect((await bytesOf(whole)).equals(file.subarray(123_457))).toBe(true);
  });

  test.each(['close', 'reset'] as const)('a body is whole once its last byte is here: %s behind it', async (how) => {
    origin.put('/small', file.subarray(0, 1000));
    origin.on('/small', cutAt(1000, how));
    const transfer = await upstream.found(`${origin.url}small`);
    await origin.until(() => origin.requests[0]?.ended === 'cut');
    await after(20);
    expect((await bytesOf(transfer)).equals(file.subarray(0, 1000))).toBe(true);
  });

  test('an upstream that is slow but never idle for long is not cut', async () => {
    await using patient = new TestClient({ urls: [origin.url] }, { idleTimeout: 1500 });
    origin.put('/slow', file.subarray(0, 40_000));
    origin.on('/slow', drip(10_000));
    expect((await bytesOf(await patient.found(`${origin.url}slow`))).length).toBe(40_000);
  }, 10_000);
});

describe('a body that breaks off is told apart from one that ends', () => {
  test.each<[string, Lie[], string]>([
    ['the connection closes', [cutAt(100_000)], 'upstream_cut'],
    ['the connection is reset', [cutAt(100_000, 'reset')], 'upstream_cut'],
    ['the last chunk is missing', [chunked(), cutAt(100_000)], 'upstream_cut'],
    ['the length was too long', [lengthSays(300_001), cutAt(300_000)], 'upstream_cut'],
    ['nothing more comes', [stallAt(100_000, new Gate())], 'upstream_timeout'],
    ['a closing connection is cut', [header('connection', 'close'), cutAt(100_000)], 'upstream_cut'],
  ])('%s', async (_name, lies, code) => {
    origin.on('/f', ...lies);
    const chunks: Buffer[] = [];
    const transfer = await upstream.found(url);
    const failure = await failureOf(transfer.consume((chunk) => void chunks.push(chunk)));
    expect(failure.code).toBe(code);
    const received = Buffer.concat(chunks);
    expect(received.equals(file.subarray(0, received.length))).toBe(true);
    expect(received.length).toBeGreaterThan(0);
  });

  test.each<[string, Lie[], number]>([
    ['shorter', [shorterBy(7)], 299_993],
    ['longer', [longerBy(7)], 300_007],
  ])('a body that is %s but ends cleanly is handed over: its digest is judged elsewhere', async (_name, lies, size) => {
    origin.on('/f', ...lies);
    expect((await bytesOf(await upstream.found(url))).length).toBe(size);
  });

  test('a captive portal looks like any page', async () => {
    origin.on('/f', portalPage());
    expect((await upstream.found(url)).contentType).toBe('text/html');
  });
});

describe('an answer that is none, or a wrong one, is an error of its own', () => {
  test.each<[string, Lie[], number, string]>([
    ['garbage', [garbage()], 0, 'upstream_cut'],
    ['no answer', [noAnswer()], 0, 'upstream_cut'],
    ['headers without end', [oversizedHeader(40_000)], 0, 'upstream_cut'],
    ['two lengths', [lengthSays(300_000, 300_001)], 0, 'upstream_cut'],
    ['a length and chunks', [chunked(), lengthSays(300_000)], 0, 'upstream_cut'],
    ['a length that is no number', [lengthSays('-1')], 0, 'upstream_cut'],
    ['404', [status(404)], 0, 'upstream_missing'],
    ['403', [status(403)], 0, 'upstream_unauthorized'],
    ['503', [status(503)], 0, 'upstream_status'],
    ['a false 304', [falseNotModified()], 0, 'upstream_lied'],
    ['206 to a plain GET', [unaskedPartial(100)], 0, 'upstream_lied'],
    ['a wrong Content-Range', [contentRangeSays('bytes 0-299999/300000')], 5, 'upstream_lied'],
    ['an encoding', [contentEncodingSays('gzip')], 0, 'upstream_lied'],
  ])('%s', async (_name, lies, offset, code) => {
    origin.on('/f', ...lies);
    const failure = await failureOf(upstream.get(url, { offset }).then(() => {}));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(url);
  });

  test('headers that never come, and a body that never begins, end with the time for the start', async () => {
    origin.times(1, '/f', hang(new Gate()));
    expect((await failureOf(upstream.get(url, { startWithin: 150 }))).code).toBe('upstream_timeout');
    origin.times(1, '/f', stallAt(0, new Gate()));
    expect((await failureOf(upstream.get(url, { startWithin: 150 }))).code).toBe('upstream_timeout');
  });

  test('an origin that refuses connections cannot be reached', async () => {
    await origin.stop();
    expect((await failureOf(upstream.get(url))).code).toBe('upstream_unreachable');
  });

  test('messages show neither user info nor query', async () => {
    const failure = await failureOf(upstream.get(`http://user:pass@127.0.0.1:${origin.port}/none?token=secret`));
    expect(failure.message).toBe(`${origin.url}none answers 404`);
    expect(origin.requests[0]?.headers['authorization']).toBe(undefined);
  });
});

describe('a transfer can be given up', () => {
  test('before it starts, by its signal', async () => {
    origin.on('/f', hang(new Gate()));
    const stop = new AbortController();
    const asked = upstream.get(url, {}, stop.signal);
    await origin.requested('/f');
    stop.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    await origin.until(() => origin.requests[0]?.ended === 'client left');
  });

  test('while it runs, by its signal', async () => {
    const gate = new Gate();
    origin.on('/f', stallAt(100_000, gate));
    const stop = new AbortController();
    const transfer = await upstream.found(url, {}, stop.signal);
    const done = transfer.consume(() => {});
    await gate.reached;
    stop.abort(new Error('enough'));
    await expect(done).rejects.toThrow('enough');
    await origin.until(() => origin.requests[0]?.ended === 'client left');
  });

  test('by a sink that throws, at once or later', async () => {
    for (const sink of [
      () => {
        throw new Error('disk full');
      },
      () => Promise.reject(new Error('disk full')),
    ]) {
      origin.on('/f', stallAt(100_000, new Gate()));
      await expect((await upstream.found(url)).consume(sink)).rejects.toThrow('disk full');
      await origin.until(() => origin.requests.at(-1)?.ended === 'client left');
    }
  });

  test('without having been read', async () => {
    origin.on('/f', stallAt(100_000, new Gate()));
    (await upstream.found(url)).cancel();
    await origin.until(() => origin.requests[0]?.ended === 'client left');
  });

  test('readWhole stops at its limit, by the length or by the bytes', async () => {
    expect((await failureOf(readWhole(await upstream.found(url), 299_999))).code).toBe('upstream_too_large');
    origin.on('/f', chunked());
    expect((await failureOf(readWhole(await upstream.found(url), 299_999))).code).toBe('upstream_too_large');
    expect((await readWhole(await upstream.found(url), 300_000)).equals(file)).toBe(true);
  });
});

describe('redirects are followed by hand', () => {
  test('up to five, with the range', async () => {
    for (let hop = 0; hop < 5; hop++) origin.on(`/${hop}`, redirect(hop === 4 ? '/f' : `${hop + 1}`, 307));
    const transfer = await upstream.found(`${origin.url}0`, { offset: 299_990 });
    expect(transfer.source).toBe(url);
    expect((await bytesOf(transfer)).equals(file.subarray(299_990))).toBe(true);
    expect(origin.count()).toBe(6);
  });

  test('no further', async () => {
    for (let hop = 0; hop < 9; hop++) origin.on(`/${hop}`, redirect(`/${hop + 1}`));
    expect((await failureOf(upstream.get(`${origin.url}0`))).code).toBe('upstream_redirect');
    expect(origin.count()).toBe(6);
  });

  test('never in a loop', async () => {
    origin.on('/a', redirect('/b'));
    origin.on('/b', redirect('/a'));
    expect((await failureOf(upstream.get(`${origin.url}a`))).message).toMatch(/\/b redirects in a loop$/);
    expect(origin.count()).toBe(2);
  });

  test.each(['ftp://127.0.0.1/f', 'file:///etc/passwd', 'http://['])('not to %s', async (location) => {
    origin.on('/a', redirect(location));
    expect((await failureOf(upstream.get(`${origin.url}a`))).code).toBe('upstream_redirect');
  });

  test("another origin is shown no credentials, one's own is", async () => {
    await using elsewhere = await FaultyOrigin.start();
    elsewhere.put('/f', file);
    await using known = new TestClient({
      urls: [origin.url],
      username: 'pop',
      password: async () => 'pässword',
      headers: { 'X-Pop-Entitlement': async () => 'gold' },
    });
    origin.on('/there', redirect(`${elsewhere.url}f`));
    origin.on('/here', redirect('/f'));
    await bytesOf(await known.found(`${origin.url}there`));
    await bytesOf(await known.found(`${origin.url}here`));
    const shown = {
      authorization: `Basic ${Buffer.from('pop:pässword').toString('base64')}`,
      'x-pop-entitlement': 'gold',
    };
    for (const request of origin.requests) expect(request.headers).toMatchObject(shown);
    expect(Object.keys(elsewhere.requests[0]?.headers ?? {})).not.toContain('authorization');
    expect(Object.keys(elsewhere.requests[0]?.headers ?? {})).not.toContain('x-pop-entitlement');
  });

  test.each(['http://127.0.0.1', 'http://localhost', 'http://[::1]', 'http://2130706433', 'http://[::ffff:127.0.0.1]'])(
    'not to this machine (%s), when the configured upstream is elsewhere',
    async (host) => {
      await using outsider = new TestClient({ urls: ['http://upstream.invalid/'] });
      const failure = await failureOf(outsider.get(`${host}:${origin.port}/f`));
      expect(failure.code).toBe('upstream_redirect');
      expect(origin.connections).toBe(0);
    },
  );

  test('to this machine, when the configured upstream is here too', async () => {
    await using elsewhere = await FaultyOrigin.start();
    elsewhere.put('/f', 'x');
    origin.on('/a', redirect(`http://localhost:${elsewhere.port}/f`));
    expect((await bytesOf(await upstream.found(`${origin.url}a`))).toString()).toBe('x');
  });
});

describe('credentials', () => {
  test('are read for each request', async () => {
    let password = 'old';
    await using guarded = await FaultyOrigin.start({ basic: { username: 'pop', password: 'new' } });
    guarded.put('/f', 'x');
    await using known = new TestClient({ urls: [guarded.url], username: 'pop', password: async () => password });
    expect((await failureOf(known.get(`${guarded.url}f`))).code).toBe('upstream_unauthorized');
    password = 'new';
    expect((await known.get(`${guarded.url}f`)).kind).toBe('found');
  });

  test('in a configured URL are used for its origin', async () => {
    await using guarded = await FaultyOrigin.start({ basic: { username: 'p@p', password: 'a:b' } });
    guarded.put('/f', 'x');
    await using known = new TestClient({ urls: [guarded.url.replace('//', '//p%40p:a%3Ab@')] });
    expect((await known.get(`${guarded.url}f`)).kind).toBe('found');
  });
});

/** A figure, once it has not grown for a while. */
async function settled(figure: () => number): Promise<number> {
  let last = figure();
  for (let equal = 0; equal < 8;) {
    await after(50);
    const now = figure();
    equal = now === last && now > 0 ? equal + 1 : 0;
    last = now;
  }
  return last;
}

test('tells what time it is upstream, also when a cache on the way kept the answer for a while', async () => {
  const told = (): number | null => upstream.health.of(new URL(url).origin).state.clockDistance;
  const date = (ago: number): Lie => header('date', new Date(Date.now() - ago).toUTCString());
  origin.on('/f', date(3_600_000));
  await bytesOf(await upstream.found(url));
  expect(Math.round((told() ?? 0) / 10_000)).toBe(-360);
  origin.on('/f', date(3_600_000), header('age', '3600'));
  await bytesOf(await upstream.found(url));
  expect(Math.abs(told() ?? Infinity)).toBeLessThan(10_000);
});
