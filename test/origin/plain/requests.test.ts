import { expect, test } from 'vitest';
import type { PlainFailure } from '../../../base/plain-get.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { endOf, PlainUpstream } from './plain-upstream.ts';
import { Gets } from './gets.ts';

const never = new AbortController().signal;

test('a plain GET says what any GET of us says', async () => {
  await using origin = await FaultyOrigin.start();
  origin.put('/repo/a+b.rpm', 'bytes');
  await using up = new PlainUpstream({ url: `${origin.url}repo?x=y` });
  const loader = up.entered();
  const request = loader.plain();
  if (request === null) throw new Error('there is none');
  using gets = new Gets(request.place);
  expect(await gets.get(request.target, 'bytes')).toMatchObject({ failure: null, put: Buffer.from('bytes') });
  (await loader.open(0, never)).cancel();
  const [plain, usual] = origin.requests;
  expect(plain?.target).toBe('/repo/a%2Bb.rpm?x=y');
  expect([plain?.target, plain?.headers]).toEqual([usual?.target, usual?.headers]);
  loader.done();
});

test.each([
  ['http://hub.example/repo/', { host: 'hub.example', port: 80, secure: false }],
  ['https://hub.example/repo/', { host: 'hub.example', port: 443, secure: true }],
  ['https://hub.example:8443/', { host: 'hub.example', port: 8443, secure: true }],
  ['http://[2001:db8::1]:8080/', { host: '2001:db8::1', port: 8080, secure: false }],
])('%s has one place for all of its files', async (url, place) => {
  await using up = new PlainUpstream({ url });
  const [one, other] = [up.entered().plain(), up.entered().plain()];
  expect(one?.place).toMatchObject(place);
  expect(one?.place.fields.split('\r\n')[0]).toBe(`host: ${new URL(url).host}`);
  expect(other?.place).toBe(one?.place);
});

test.each<PlainFailure | null>([null, 'wrong', 'cut'])(
  'what came is counted, also when it ends: %s',
  async (failure) => {
    await using up = new PlainUpstream({ url: 'http://hub.example/' });
    const loader = up.entered();
    loader.plain()?.ended(endOf(failure, { received: 300 }));
    loader.received();
    expect([up.counted, up.traffic.taken, up.traffic.slots.busy.background]).toEqual([{ background: 300 }, 300, 0]);
  },
);

test('an answer that was proven tells that its origin lives, and its time', async () => {
  await using up = new PlainUpstream({ url: 'http://hub.example/' });
  const health = up.health.of('http://hub.example');
  const now = up.clock.now();
  const date = new Date(now + 120_000).toUTCString();
  up.entered().plain()?.ended(endOf(null, { date }));
  expect(health.state).toMatchObject({ lastContact: now, clockDistance: 120_000 });
  await up.clock.step(5000);
  // A Date that is not told is no news.
  up.entered().plain()?.ended(endOf('unputtable'));
  expect(health.state).toMatchObject({ lastContact: now + 5000, clockDistance: 120_000 });
});

test.each<PlainFailure>(['missing', 'refused', 'odd', 'wrong', 'late', 'cut', 'lost'])(
  'one that was not tells nothing of that: %s',
  async (failure) => {
    await using up = new PlainUpstream({ url: 'http://hub.example/' });
    const health = up.health.of('http://hub.example');
    const before = health.state;
    up.entered()
      .plain()
      ?.ended(endOf(failure, { date: 'Mon, 30 Nov 2026 21:05:31 GMT', received: 7 }));
    expect(health.state).toEqual(before);
    expect(up.traffic.slots.busy.background).toBe(1);
  },
);
