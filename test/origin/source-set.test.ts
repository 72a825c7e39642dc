import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { digestOf } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { Loader, Transfer } from '../../base/transfer.ts';
import type { Mirrors } from '../../origin/mirror-directory.ts';
import { SourceSet } from '../../origin/source-set.ts';
import type { SourceSetOptions } from '../../origin/source-set.ts';
import {
  contentRangeSays,
  cutAt,
  FaultyOrigin,
  flippedAt,
  Gate,
  hang,
  noAnswer,
  stallAt,
  status,
} from '../support/faulty-origin.ts';
import { bytesOf, failureOf, pattern, TestClient } from './clients.ts';

const file = pattern(300_000);
const signal = new AbortController().signal;
let one: FaultyOrigin;
let two: FaultyOrigin;
let upstream: TestClient;

beforeEach(async () => {
  one = await FaultyOrigin.start();
  two = await FaultyOrigin.start();
  for (const origin of [one, two]) origin.put('/repo/a+b.rpm', file);
  upstream = new TestClient({ urls: [one.url, two.url] }, { idleTimeout: 400 });
});
afterEach(async () => {
  await upstream[Symbol.asyncDispose]();
  await one.stop();
  await two.stop();
});

function sources(origins: readonly FaultyOrigin[], options: Partial<SourceSetOptions> = {}): SourceSet {
  return new SourceSet({
    client: upstream.client,
    health: upstream.health,
    clock: systemClock,
    log: silentLogger,
    urls: origins.map(({ url }) => `${url}repo`),
    mirrorLists: [],
    ...options,
  });
}

/** Fills a file as a cache would: goes on where a transfer breaks off. */
async function filled(loader: Loader): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let size = 0; ;) {
    const transfer = await loader.open(size, signal);
    expect(transfer.offset).toBe(size);
    try {
      await transfer.consume((chunk) => {
        chunks.push(chunk);
        size += chunk.length;
      });
      return Buffer.concat(chunks);
    } catch {
      // The loader decides whether there is another try.
    }
  }
}

describe('a listed file', () => {
  test('comes from the first URL, whatever its name is spelled like', async () => {
    expect((await filled(sources([one, two]).loader('a+b.rpm'))).equals(file)).toBe(true);
    expect(one.requests.map(({ target }) => target)).toEqual(['/repo/a%2Bb.rpm']);
    expect(two.requests).toEqual([]);
  });

  test('comes from the next URL when one has lost it, refuses, breaks down or lies about ranges', async () => {
    for (const lie of [status(404), status(403), status(500), noAnswer()]) {
      one.on('/repo/a+b.rpm', lie);
      expect((await filled(sources([one, two]).loader('a+b.rpm'))).equals(file)).toBe(true);
    }
    one.on('/repo/a+b.rpm', contentRangeSays('bytes 0-299999/300000'));
    const transfer = await sources([one, two]).loader('a+b.rpm').open(5, signal);
    expect(transfer.source).toContain(two.url);
    transfer.cancel();
  });

  test('comes from the next URL when one hangs, within its share of the time', async () => {
    one.on('/repo/a+b.rpm', hang(new Gate()));
    const began = performance.now();
    expect((await filled(sources([one, two], { startBudget: 5000 }).loader('a+b.rpm'))).equals(file)).toBe(true);
    expect(performance.now() - began).toBeLessThan(4000);
  });

  test('is asked of the same URL again after a passing fault', async () => {
    one.times(2, '/repo/a+b.rpm', status(502));
    expect((await filled(sources([one]).loader('a+b.rpm'))).equals(file)).toBe(true);
    expect(one.count()).toBe(3);
  });

  test('that every URL has lost is missing, without a second round', async () => {
    for (const origin of [one, two]) origin.on('/repo/a+b.rpm', status(404));
    expect((await failureOf(sources([one, two]).loader('a+b.rpm').open(0, signal))).code).toBe('upstream_missing');
    expect([one.count(), two.count()]).toEqual([1, 1]);
  });

  test('fails inside its time when the only URL hangs', async () => {
    one.on('/repo/a+b.rpm', hang(new Gate()));
    const began = performance.now();
    const failure = await failureOf(sources([one], { startBudget: 700 }).loader('a+b.rpm').open(0, signal));
    expect(failure.code).toBe('upstream_timeout');
    // Not what the budget is by itself; a busy machine takes its time beside that.
    expect(performance.now() - began).toBeLessThan(4000);
  });

  test('is not asked for any more when its signal aborts', async () => {
    one.on('/repo/a+b.rpm', hang(new Gate()));
    const stop = new AbortController();
    const opened = sources([one, two]).loader('a+b.rpm').open(0, stop.signal);
    await one.requested('/repo/a+b.rpm');
    stop.abort(new Error('enough'));
    await expect(opened).rejects.toThrow('enough');
    expect(two.requests).toEqual([]);
  });
});

describe('a transfer that breaks off', () => {
  test.each([0, 1, 150_000, 299_999])('at byte %d goes on there from the next URL', async (at) => {
    one.on('/repo/a+b.rpm', cutAt(at));
    expect((await filled(sources([one, two]).loader('a+b.rpm'))).equals(file)).toBe(true);
    const [from] = two.requests.map(({ headers }) => headers['range'] ?? 'bytes=0-');
    expect(Number(/\d+/.exec(from ?? '')?.[0])).toBeLessThanOrEqual(at);
  });

  test('goes on from the same URL when there is no other', async () => {
    one.times(2, '/repo/a+b.rpm', cutAt(120_000));
    expect((await filled(sources([one]).loader('a+b.rpm'))).equals(file)).toBe(true);
    expect(one.requests.length).toBe(3);
  });

  test('goes on from the next URL when one stalls', async () => {
    one.on('/repo/a+b.rpm', stallAt(150_000, new Gate()));
    expect((await filled(sources([one, two]).loader('a+b.rpm'))).equals(file)).toBe(true);
  });

  test('is given up after five tries that bring nothing', async () => {
    one.on('/repo/a+b.rpm', (reply, request, file_) =>
      cutAt(request.headers['range'] === undefined ? 100_000 : 1)(reply, request, file_),
    );
    expect((await failureOf(filled(sources([one]).loader('a+b.rpm')))).code).toBe('upstream_cut');
    expect(one.count()).toBeLessThanOrEqual(7);
  });
});

describe('a source that lied', () => {
  async function lied(loader: Loader): Promise<Transfer> {
    const transfer = await loader.open(0, signal);
    await bytesOf(transfer);
    loader.lied(transfer);
    return transfer;
  }

  test('is not asked again while there is another', async () => {
    one.on('/repo/a+b.rpm', flippedAt(7));
    const set = sources([one, two]);
    const loader = set.loader('a+b.rpm');
    await lied(loader);
    expect((await bytesOf(await loader.open(0, signal))).equals(file)).toBe(true);
    expect([one.count(), two.count()]).toEqual([1, 1]);
    // The next fill of the repository asks the honest one first.
    await bytesOf(await set.loader('a+b.rpm').open(0, signal));
    expect([one.count(), two.count()]).toEqual([1, 2]);
  });

  test('is asked once more when it is alone, and no third time', async () => {
    const loader = sources([one]).loader('a+b.rpm');
    await lied(loader);
    await lied(loader);
    expect((await failureOf(loader.open(0, signal))).code).toBe('upstream_lied');
    expect(one.count()).toBe(2);
  });

  test('ends the fill when all have lied', async () => {
    const loader = sources([one, two]).loader('a+b.rpm');
    await lied(loader);
    await lied(loader);
    expect((await failureOf(loader.open(0, signal))).code).toBe('upstream_lied');
  });
});

describe('Retry-After', () => {
  test('is waited out when that fits into the time', async () => {
    one.times(1, '/repo/a+b.rpm', status(503, { 'retry-after': '1' }));
    const began = performance.now();
    expect((await filled(sources([one]).loader('a+b.rpm'))).equals(file)).toBe(true);
    expect(performance.now() - began).toBeGreaterThan(950);
  });

  test('allows no second try at once: the error names the time that is left', async () => {
    one.on('/repo/a+b.rpm', status(503, { 'retry-after': '60' }));
    const set = sources([one]);
    for (let time = 0; time < 5; time++) {
      const failure = await failureOf(set.loader('a+b.rpm').open(0, signal));
      expect(failure).toMatchObject({ code: 'upstream_status', retryAfter: 60 });
    }
    expect(one.count()).toBe(1);
  });

  test('leaves the other URLs alone', async () => {
    one.on('/repo/a+b.rpm', status(429, { 'retry-after': '60' }));
    const set = sources([one, two]);
    for (let time = 0; time < 3; time++) await filled(set.loader('a+b.rpm'));
    expect([one.count(), two.count()]).toEqual([1, 3]);
  });
});

describe('an unlisted file or a repomd.xml', () => {
  test('is found, or has not changed', async () => {
    const set = sources([one]);
    const answer = await set.get('a+b.rpm', null, signal);
    if (answer.kind !== 'found') throw new Error('not found');
    const { etag, lastModified } = answer.transfer;
    expect((await bytesOf(answer.transfer)).equals(file)).toBe(true);
    expect(await set.get('a+b.rpm', { etag, lastModified }, signal)).toEqual({ kind: 'not-modified' });
    expect((await set.get('a+b.rpm', { etag: null, lastModified: null }, signal)).kind).toBe('found');
  });

  test('is missing when all who answer say so, also if others cannot be asked', async () => {
    await one.stop();
    expect((await failureOf(sources([one, two]).get('none', null, signal))).code).toBe('upstream_missing');
  });

  test('is not missing when one who answers does not say so', async () => {
    one.on('/repo/none', status(500));
    expect((await failureOf(sources([one, two]).get('none', null, signal))).code).toBe('upstream_status');
  });
});

describe('an upstream that is gone', () => {
  test('is not asked any more, at once, and found again by itself', async () => {
    const set = sources([one]);
    expect(set.up).toBe(true);
    await one.stop();
    for (let time = 0; time < 2; time++) await failureOf(set.loader('a+b.rpm').open(0, signal));
    expect(set.up).toBe(false);
    const began = performance.now();
    expect((await failureOf(set.loader('a+b.rpm').open(0, signal))).code).toBe('upstream_breaker_open');
    expect((await failureOf(set.get('repodata/repomd.xml', null, signal))).code).toBe('upstream_breaker_open');
    expect(performance.now() - began).toBeLessThan(1000);
    await one.resume();
    await vi.waitFor(() => expect(set.up).toBe(true), { timeout: 5000 });
    expect((await filled(set.loader('a+b.rpm'))).equals(file)).toBe(true);
  }, 10_000);

  test('is up as long as one URL is', async () => {
    await one.stop();
    const set = sources([one, two]);
    expect((await filled(set.loader('a+b.rpm'))).equals(file)).toBe(true);
    expect(set.up).toBe(true);
  });
});

describe('a mirror list', () => {
  const hash = digestOf('repomd');
  const parse = (bytes: Buffer): Mirrors => {
    if (bytes.toString() === 'nonsense') throw new WaystationError('mirror_list_invalid', 'not a list');
    return { urls: bytes.toString().split('\n'), repomdHashes: [hash] };
  };
  const list = (): Partial<SourceSetOptions> => ({ mirrorLists: [{ url: `${one.url}list`, parse }] });

  test('is asked for when it is first needed, once, and its mirrors are used in their order', async () => {
    one.put('/list', `${two.url}repo/\nftp://x/\n${one.url}repo/`);
    const set = sources([], list());
    expect(one.requests).toEqual([]);
    const fills = [1, 2, 3].map(() => filled(set.loader('a+b.rpm')));
    for (const bytes of await Promise.all(fills)) expect(bytes.equals(file)).toBe(true);
    expect([one.count('/list'), one.count('/repo/a+b.rpm'), two.count('/repo/a+b.rpm')]).toEqual([1, 0, 3]);
  });

  test('vouches for repomd.xml files; without a metalink nobody does', async () => {
    one.put('/list', `${two.url}repo/`);
    expect(await sources([], list()).acceptableRepomd(signal)).toEqual([hash]);
    expect(await sources([one]).acceptableRepomd(signal)).toBe(null);
  });

  test.each<[string, string, string]>([
    ['that cannot be read', 'nonsense', 'mirror_list_invalid'],
    ['that names nobody who speaks HTTP', 'ftp://x/', 'mirror_list_invalid'],
  ])('%s is an error of its own, and the next try reads it anew', async (_name, text, code) => {
    one.put('/list', text);
    const set = sources([], list());
    expect((await failureOf(set.get('a+b.rpm', null, signal))).code).toBe(code);
    expect((await failureOf(set.acceptableRepomd(signal))).code).toBe(code);
    expect(one.count('/list')).toBe(1);
  });

  test('that is gone does not keep the configured URLs waiting', async () => {
    one.on('/list', hang(new Gate()));
    const set = sources([two], list());
    expect((await filled(set.loader('a+b.rpm'))).equals(file)).toBe(true);
  });

  test('is kept when it cannot be had any more', async () => {
    one.put('/list', `${two.url}repo/`);
    const set = sources([], list());
    await filled(set.loader('a+b.rpm'));
    await one.stop();
    expect((await filled(set.loader('a+b.rpm'))).equals(file)).toBe(true);
    expect(await set.acceptableRepomd(signal)).toEqual([hash]);
  });
});
