import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/log.ts';
import type { PlainFailure } from '../../../base/plain-get.ts';
import type { Purpose } from '../../../base/transfer.ts';
import { SourceSet } from '../../../origin/source-set.ts';
import type { SourceSetOptions } from '../../../origin/source-set.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { bytesOf, failureOf, pattern, TestClient } from '../clients.ts';
import { endOf, PlainUpstream } from './plain-upstream.ts';

const url = 'http://hub.example/repo/';
const never = new AbortController().signal;
const text = (): Promise<string> => Promise.resolve('text');
const minute = 60_000;

describe('a plain GET is for', () => {
  test('a file of which it is the turn', async () => {
    await using up = new PlainUpstream({ url });
    const loader = up.loader();
    expect(loader.plain()).toBe(null);
    expect(loader.turn(never)).toBe(false);
    expect(loader.plain()).toMatchObject({ target: '/repo/a%2Bb.rpm' });
    loader.done();
    expect(loader.plain()).toBe(null);
  });

  test.each<[Purpose, boolean]>([
    ['background', true],
    ['metadata', false],
    ['client', false],
  ])('work of the purpose "%s": %s', async (purpose, is) => {
    await using up = new PlainUpstream({ url });
    const loader = up.entered(purpose);
    expect(loader.plain() !== null).toBe(is);
    loader.hurry();
    expect(loader.plain()).toBe(null);
  });

  test('no part of a file', async () => {
    await using up = new PlainUpstream({ url });
    const loader = up.loader({ until: { end: 5, total: 9 } });
    void loader.turn(never);
    expect(loader.plain()).toBe(null);
  });

  test('the first try of a file alone', async () => {
    await using origin = await FaultyOrigin.start();
    origin.put('/repo/a+b.rpm', 'bytes');
    await using up = new PlainUpstream({ url: `${origin.url}repo` });
    const loader = up.entered();
    await bytesOf(await loader.open(0, never));
    expect([loader.plain(), up.traffic.slots.busy.background]).toEqual([null, 1]);
    loader.done();
    expect(up.gives).toBe(true);
  });

  test.each<[string, ConstructorParameters<typeof PlainUpstream>[0]]>([
    ['a limit in force', { url, limits: [{ rate: 1e9, during: null, timezone: 'UTC' }] }],
    ['a name to show', { url, username: 'me', password: text }],
    ['a name in the URL', { url: 'http://me:secret@hub.example/repo/' }],
    ['a header to show', { url, headers: { 'X-Key': text } }],
    ['a proxy', { url, proxy: 'http://proxy.example:3128' }],
    ['authorities of its own', { url, tls: { ca: text, cert: null, key: null } }],
    ['a certificate to show', { url, tls: { ca: null, cert: text, key: text } }],
    ['an origin that is not configured', { url, urls: ['http://other.example/'] }],
  ])('none where there is %s', async (_name, options) => {
    await using up = new PlainUpstream(options);
    expect(up.gives).toBe(false);
  });

  test('none where there is a choice between sources, or may be', async () => {
    await using client = new TestClient({ urls: [url, 'http://other.example/'] });
    const parts = { client: client.client, health: client.health, clock: systemClock, log: silentLogger };
    const plain = (options: Pick<SourceSetOptions, 'urls' | 'mirrorLists'>): unknown => {
      const loader = new SourceSet({ ...parts, ...options }).loader('a.rpm', 'background');
      void loader.turn?.(never);
      return loader.plain?.() ?? null;
    };
    const list = { url: `${url}mirrors`, parse: () => ({ urls: [url], repomdHashes: [] }) };
    expect(plain({ urls: [url], mirrorLists: [] })).toMatchObject({ target: '/repo/a.rpm' });
    expect(plain({ urls: [url, 'http://other.example/'], mirrorLists: [] })).toBe(null);
    expect(plain({ urls: [url], mirrorLists: [list] })).toBe(null);
  });
});

describe('while all is well with the source:', () => {
  test('not after its link broke, until it answers', async () => {
    for (const times of [1, 20]) {
      await using up = new PlainUpstream({ url });
      up.broken(times);
      expect([up.gives, up.source.refusal() === null]).toEqual([false, times === 1]);
      up.health.of(up.source.origin).answered(null);
      expect(up.gives).toBe(true);
    }
  });

  test('not while Retry-After runs, of which no try is used up', async () => {
    await using up = new PlainUpstream({ url });
    up.source.holdFor(60);
    expect(up.gives).toBe(false);
    await up.clock.step(minute / 2);
    expect(up.gives).toBe(false);
    expect([up.source.refusal() === null, up.source.refusal() === null]).toEqual([true, false]);
    await up.clock.step(minute / 2);
    expect(up.gives).toBe(true);
  });

  test.each<PlainFailure>(['refused', 'odd', 'late', 'cut', 'lost'])(
    'not for five minutes after one failed: %s',
    async (failure) => {
      await using up = new PlainUpstream({ url });
      up.entered().plain()?.ended(endOf(failure));
      expect(up.gives).toBe(false);
      await up.clock.step(5 * minute - 1);
      expect(up.gives).toBe(false);
      await up.clock.step(1);
      expect(up.gives).toBe(true);
    },
  );

  test.each<PlainFailure | null>(['missing', 'unputtable', null])(
    'for the next file also after one ended: %s',
    async (failure) => {
      await using up = new PlainUpstream({ url });
      up.entered().plain()?.ended(endOf(failure));
      expect(up.gives).toBe(true);
    },
  );

  test('not for a file about which it lied; it has one more try, as a source that is alone has', async () => {
    await using origin = await FaultyOrigin.start();
    origin.put('/repo/a+b.rpm', pattern(100));
    await using up = new PlainUpstream({ url: `${origin.url}repo` });
    const loader = up.entered();
    loader.plain()?.ended(endOf('wrong'));
    expect([loader.plain(), up.gives]).toEqual([null, true]);
    // Asked after all others, where there are any.
    expect(up.source.rank).toBe(4);
    const transfer = await loader.open(0, never);
    transfer.cancel();
    loader.lied(transfer);
    expect((await failureOf(loader.open(0, never))).code).toBe('upstream_lied');
    loader.done();
  });

  test('a file that came ends what Retry-After asked for', async () => {
    await using up = new PlainUpstream({ url });
    const request = up.entered().plain();
    up.source.holdFor(60);
    request?.ended(endOf(null));
    expect([request === null, up.source.holdLeft]).toEqual([false, 0]);
  });
});
