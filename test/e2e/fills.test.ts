import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cutAt, drip, FaultyOrigin, flippedAt, Gate, portalPage, stallAt } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { Download, download } from '../support/http-download.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { Pop } from '../support/pop.ts';

const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
const megabytes30 = incompressibleText(30 << 20, 'h');
const big = incompressibleText(3 << 20, 'b');
const tail = 65_536;
/** As many packages as tests want, each cold for who comes first. */
const packages: Record<string, string> = {
  'herd.rpm': megabytes30,
  ...Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`big-${index}.rpm`, `${index}${big}`])),
  ...Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`small-${index}.rpm`, `small ${index}`.repeat(50)])),
};
/** Without the record of hand-made repositories that repeats all contents. */
const recipe = { packages, types: ['primary'] };

describe('one transfer for all who ask', () => {
  let origin: FaultyOrigin;
  let second: FaultyOrigin;
  let pop: Pop;
  beforeAll(async () => {
    origin = await FaultyOrigin.start();
    second = await FaultyOrigin.start();
    for (const each of [origin, second]) putRepository(each, 'r', recipe);
    pop = await Pop.start({
      repositories: [
        { path: 'one', url: `${origin.url}r/` },
        {
          path: 'two',
          url: `${origin.url}r/`,
          urls: [`${second.url}r/`],
          headers: { 'X-Other-Scope': 'yes' },
          access: 'open',
        },
      ],
    });
    await pop.published();
  });
  afterAll(async () => {
    await pop[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
  });

  test('50 clients of one cold file of 30 MB cost one GET, and each has its first byte before the last has arrived', async () => {
    origin.on('/r/herd.rpm', drip(20 << 20));
    const clients = Array.from({ length: 50 }, () => new Download(pop.content, '/content/one/herd.rpm'));
    await Promise.all(clients.map((client) => client.until(1)));
    const transfer = origin.requests.find(({ path }) => path === '/r/herd.rpm');
    expect(transfer?.sent).toBeLessThan(megabytes30.length);
    const answers = await Promise.all(clients.map(({ done }) => done));
    const digest = sha256(megabytes30);
    for (const { body, complete } of answers) expect([complete, sha256(body)]).toEqual([true, digest]);
    expect(origin.count('/r/herd.rpm')).toBe(1);
    const first = answers.filter(({ word }) => word === 'miss');
    const others = answers.filter(({ word }) => word === 'collapsed');
    expect([first.length, others.length]).toEqual([1, 49]);
  });

  test('nobody gets the end of a file of which only the last byte is wrong', async () => {
    const gate = new Gate();
    const { length } = packages['big-0.rpm'] ?? '';
    origin.on('/r/big-0.rpm', flippedAt(length - 1), stallAt(length - 1, gate));
    const clients = [1, 2, 3].map(() => new Download(pop.content, '/content/one/big-0.rpm'));
    await Promise.all(clients.map((client) => client.until(length - 3 * tail)));
    await gate.reached;
    gate.open();
    for (const { done } of clients) {
      const { complete, body } = await done;
      expect([complete, body.length < length]).toEqual([false, true]);
    }
    origin.clear();
  });

  test('a wrong byte cuts the client short of the end, and the next request is right', async () => {
    const path = '/r/big-1.rpm';
    origin.on(path, flippedAt(1_000_000));
    const first = await download(pop.content, '/content/one/big-1.rpm');
    expect(first.complete).toBe(false);
    expect(first.body.length).toBeLessThan((packages['big-1.rpm'] ?? '').length);
    origin.clear();
    const next = await download(pop.content, '/content/one/big-1.rpm');
    expect(sha256(next.body)).toBe(sha256(packages['big-1.rpm'] ?? ''));
    expect((await pop.metrics()).get('verification_failures_total')).toBeGreaterThan(0);
    const line = await pop.accessLine(({ path: logged }) => logged.endsWith('/one/big-1.rpm'));
    expect(line).toMatchObject({ outcome: 'error', bytes: first.body.length });
  });

  test('a source that lies at the end of a big file is given up for the second url', async () => {
    const lie = origin.on('/r/big-2.rpm', flippedAt(big.length));
    const first = await download(pop.content, '/content/two/big-2.rpm');
    // All but the tail was the same from both: the client goes on without noticing.
    expect([first.complete, sha256(first.body)]).toEqual([true, sha256(packages['big-2.rpm'] ?? '')]);
    expect([lie.hits > 0, second.count('/r/big-2.rpm')]).toEqual([true, 1]);
  });

  test('a small file that comes wrong from the first url comes right from the second, in one answer', async () => {
    origin.on('/r/small-0.rpm', flippedAt(3));
    const answer = await download(pop.content, '/content/two/small-0.rpm');
    expect([answer.status, answer.body.toString()]).toEqual([200, packages['small-0.rpm']]);
  });

  test("a captive portal's page is nobody's package", async () => {
    origin.on(/./, portalPage());
    const answer = await download(pop.content, '/content/one/small-1.rpm');
    expect(answer).toMatchObject({ status: 504, word: 'unavailable' });
    const image = await download(pop.content, '/content/one/.discinfo');
    expect(image.status).toBe(504);
    origin.clear();
    const next = await download(pop.content, '/content/one/small-1.rpm');
    expect(next.body.toString()).toBe(packages['small-1.rpm']);
  });

  test.each(['close', 'reset'] as const)('a transfer that is cut by %s goes on where it was', async (how) => {
    const name = how === 'close' ? 'big-3.rpm' : 'big-4.rpm';
    origin.times(1, `/r/${name}`, cutAt(2_000_000, how));
    const answer = await download(pop.content, `/content/one/${name}`);
    expect([answer.complete, sha256(answer.body)]).toEqual([true, sha256(packages[name] ?? '')]);
    const [, again] = origin.requests.filter(({ path }) => path === `/r/${name}`);
    expect(again?.headers['range']).toMatch(/^bytes=[1-9]\d*-$/);
  });

  test('a client that leaves, or one that reads nothing, disturbs nobody', async () => {
    const gate = new Gate();
    origin.on('/r/big-5.rpm', stallAt(1_500_000, gate));
    const leaving = new Download(pop.content, '/content/one/big-5.rpm');
    const staying = new Download(pop.content, '/content/one/big-5.rpm');
    await Promise.all([leaving.until(1), staying.until(1)]);
    leaving.leave();
    gate.open();
    expect(sha256((await staying.done).body)).toBe(sha256(packages['big-5.rpm'] ?? ''));
    const line = await pop.accessLine(({ path, outcome }) => path.endsWith('big-5.rpm') && outcome === 'aborted');
    expect(line.bytes).toBeLessThan((packages['big-5.rpm'] ?? '').length);
  });
});

describe('SIGKILL in the midst of a fill', () => {
  test('leaves nothing that is served as whole, and the fill goes on from there', async () => {
    await using origin = await FaultyOrigin.start();
    putRepository(origin, 'r', recipe);
    await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
    const rule = origin.on('/r/big-6.rpm', stallAt(2 << 20, new Gate()));
    const open = new Download(pop.content, '/content/r/big-6.rpm');
    await open.until(1 << 20);
    await pop.kill();
    expect((await open.done).complete).toBe(false);
    rule.remove();
    await origin.stop();
    await pop.launch();
    const part = await download(pop.content, '/content/r/big-6.rpm');
    expect(part.status).toBe(504);
    await origin.resume();
    const healed = performance.now();
    let whole = part;
    while (whole.status !== 200 || !whole.complete) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      whole = await download(pop.content, '/content/r/big-6.rpm');
    }
    expect(performance.now() - healed).toBeLessThan(5_000);
    const [, again] = origin.requests.filter(({ path }) => path === '/r/big-6.rpm');
    expect(again?.headers['range']).toMatch(/^bytes=[1-9]\d*-$/);
    expect([whole.complete, sha256(whole.body)]).toEqual([true, sha256(packages['big-6.rpm'] ?? '')]);
  });
});
