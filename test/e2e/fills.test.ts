import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../support/faulty-origin-certificates.ts';
import { cutAt, drip, FaultyOrigin, flippedAt, Gate, portalPage, stallAt } from '../support/faulty-origin.ts';
import { ForwardProxy } from '../support/forward-proxy.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { Download, download } from '../support/http-download.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { Pop } from '../support/pop.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, tool } from '../support/tools.ts';

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
    const image = await download(pop.content, '/content/one/.treeinfo');
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
    expect(part.status === 504 || !part.complete).toBe(true);
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

describe('possession', () => {
  test.each([
    ['open', 'guarded'],
    ['guarded', 'open'],
  ])('a file had by the %s repository is fetched again before the %s one serves it', async (first, then) => {
    await using plain = await FaultyOrigin.start();
    await using secret = await FaultyOrigin.start({ basic: { username: 'pop', password: 'pw-1' } });
    for (const origin of [plain, secret]) putRepository(origin, 'r', { packages: { 'a.rpm': 'the same bytes' } });
    await using pop = await Pop.start({
      repositories: [
        { path: 'open', url: `${plain.url}r/` },
        { path: 'guarded', url: `${secret.url}r/`, username: 'pop', passwordFile: 'password', access: 'open' },
      ],
      files: { password: 'pw-1\n' },
    });
    await pop.published();
    const origins = { open: plain, guarded: secret };
    const count = (which: string): number => origins[which as keyof typeof origins].count('/r/a.rpm');
    expect((await download(pop.content, `/content/${first}/a.rpm`)).word).toBe('miss');
    await pop.held(`/content/${first}/a.rpm`);
    expect([count(first), count(then)]).toEqual([1, 0]);
    expect((await download(pop.content, `/content/${then}/a.rpm`)).word).toBe('miss');
    expect([count(first), count(then)]).toEqual([1, 1]);
    await pop.held(`/content/${then}/a.rpm`);
    await secret.stop();
    await plain.stop();
    for (const path of [first, then])
      expect(await download(pop.content, `/content/${path}/a.rpm`)).toMatchObject({ status: 200, word: 'hit' });
  });

  test('a file that the guarded repository has is not given to the open one when that cannot fetch it', async () => {
    await using plain = await FaultyOrigin.start();
    await using secret = await FaultyOrigin.start();
    for (const origin of [plain, secret]) putRepository(origin, 'r', { packages: { 'a.rpm': 'the same bytes' } });
    await using pop = await Pop.start({
      repositories: [
        { path: 'open', url: `${plain.url}r/` },
        { path: 'guarded', url: `${secret.url}r/`, headers: { 'X-Entitlement': 'yes' }, access: 'open' },
      ],
    });
    await pop.published();
    await download(pop.content, '/content/guarded/a.rpm');
    await plain.stop();
    expect(await download(pop.content, '/content/open/a.rpm')).toMatchObject({ status: 504, word: 'unavailable' });
  });
});

describe('guarded content', () => {
  test('had with a password or a header is 403 until the operator opens it, also offline after a restart', async () => {
    await using origin = await FaultyOrigin.start({ basic: { username: 'pop', password: 'pw-1' } });
    putRepository(origin, 'r', { packages: { 'a.rpm': 'a' } });
    await using other = await FaultyOrigin.start();
    putRepository(other, 'r', { packages: { 'a.rpm': 'a' } });
    const basic = { url: `${origin.url}r/`, username: 'pop', passwordFile: 'password' };
    const header = { url: `${other.url}r/`, headers: { 'X-Entitlement': { file: 'token' } } };
    await using pop = await Pop.start({
      repositories: [
        { path: 'basic', ...basic },
        { path: 'basic-open', ...basic, access: 'open' },
        { path: 'header', ...header },
        { path: 'header-open', ...header, access: 'open' },
      ],
      files: { password: 'pw-1\n', token: 'token-1\n' },
    });
    await pop.published();
    expect(other.requests.every(({ headers }) => headers['x-entitlement'] === 'token-1')).toBe(true);
    expect((await pop.repository('basic')).state).toBe('guarded');
    const check = async (): Promise<void> => {
      for (const name of ['basic', 'header']) {
        for (const file of ['a.rpm', 'repodata/repomd.xml', '.treeinfo', '']) {
          const shut = await download(pop.content, `/content/${name}/${file}`);
          expect(shut).toMatchObject({ status: 403, word: 'denied' });
          expect(JSON.parse(shut.body.toString())).toMatchObject({ code: 'guarded_at_hub' });
        }
        const opened = await download(pop.content, `/content/${name}-open/a.rpm`);
        expect([opened.status, opened.body.toString()]).toEqual([200, 'a']);
      }
    };
    await check();
    for (const name of ['basic', 'header']) await pop.held(`/content/${name}-open/a.rpm`);
    await origin.stop();
    await other.stop();
    await pop.kill();
    await pop.launch();
    await check();
  });
});

describeWith([tool('openssl')], 'ways to an upstream', () => {
  test('a private CA and a client certificate: what needs one is guarded', async () => {
    await using authority = await CertificateAuthority.create();
    await using folder = await temporaryDirectory();
    const server = await authority.issue('origin');
    const client = await authority.issue('pop');
    for (const [name, text] of Object.entries({
      'ca.pem': authority.cert,
      'client.pem': client.cert,
      'client.key': client.key,
    }))
      await writeFile(join(folder.path, name), text);
    await using plain = await FaultyOrigin.start({ tls: server });
    await using mutual = await FaultyOrigin.start({ tls: { ...server, clientCa: authority.cert } });
    for (const origin of [plain, mutual]) putRepository(origin, 'r', { packages: { 'a.rpm': 'a' } });
    const ca = join(folder.path, 'ca.pem');
    const tls = { ca, cert: join(folder.path, 'client.pem'), key: join(folder.path, 'client.key') };
    await using pop = await Pop.start({
      repositories: [
        { path: 'ca', url: `${plain.url}r/`, tls: { ca } },
        { path: 'distrusted', url: `${plain.url}r/` },
        { path: 'mutual', url: `${mutual.url}r/`, tls },
        { path: 'mutual-open', url: `${mutual.url}r/`, tls, access: 'open' },
      ],
    });
    await pop.published('ca', 'mutual', 'mutual-open');
    const get = (path: string): ReturnType<typeof download> => download(pop.content, `/content/${path}/a.rpm`);
    expect((await get('ca')).body.toString()).toBe('a');
    expect((await get('mutual-open')).body.toString()).toBe('a');
    expect((await get('mutual')).status).toBe(403);
    expect((await get('distrusted')).status).toBe(503);
    const { state, reason } = await pop.repository('distrusted');
    expect(state).toBe('pending');
    expect(reason).toMatch(/certificate/i);
  });

  test('a forward proxy, also as a tunnel to a TLS origin', async () => {
    await using authority = await CertificateAuthority.create();
    await using proxy = await ForwardProxy.start();
    await using plain = await FaultyOrigin.start();
    await using secure = await FaultyOrigin.start({ tls: await authority.issue('origin') });
    for (const origin of [plain, secure]) putRepository(origin, 'r', { packages: { 'a.rpm': 'a' } });
    await using pop = await Pop.start({
      repositories: [
        { path: 'plain', url: `${plain.url}r/` },
        { path: 'secure', url: `${secure.url}r/`, tls: { ca: 'ca.pem' } },
        { path: 'direct', url: `${plain.url}r/`, proxy: 'none' },
      ],
      config: { upstream: { proxy: proxy.url } },
      files: { 'ca.pem': authority.cert },
    });
    await pop.published();
    for (const path of ['plain', 'secure', 'direct'])
      expect((await download(pop.content, `/content/${path}/a.rpm`)).body.toString()).toBe('a');
    expect(proxy.requests).toContain(`CONNECT 127.0.0.1:${secure.port}`);
    const proxied = proxy.requests.filter((line) => line.includes(`127.0.0.1:${plain.port}`));
    expect(proxied.length).toBeGreaterThan(0);
    expect(plain.count('/r/repodata/repomd.xml')).toBe(2);
  });
});

describe('lists of mirrors', () => {
  test('a mirrorlist and a metalink lead to the content; a metalink with another hash does not', async () => {
    await using origin = await FaultyOrigin.start();
    const { repomd } = putRepository(origin, 'r', { packages: { 'a.rpm': 'a' } });
    origin.put('/mirrors', `# comment\n${origin.url}gone/\n${origin.url}r/\n`);
    const metalink = (digest: string): string => `<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file name="repomd.xml">
<size>${repomd.length}</size><verification><hash type="sha256">${digest}</hash></verification>
<resources maxconnections="1"><url protocol="http" type="http" preference="100">${origin.url}r/repodata/repomd.xml</url></resources>
</file></files></metalink>\n`;
    origin.put('/right.metalink', metalink(sha256(repomd)));
    origin.put('/wrong.metalink', metalink(sha256('something else')));
    await using pop = await Pop.start({
      repositories: [
        { path: 'list', mirrorlist: `${origin.url}mirrors` },
        { path: 'right', metalink: `${origin.url}right.metalink` },
        { path: 'wrong', metalink: `${origin.url}wrong.metalink` },
      ],
    });
    await pop.published('list', 'right');
    for (const path of ['list', 'right'])
      expect((await download(pop.content, `/content/${path}/a.rpm`)).body.toString()).toBe('a');
    await pop.looked();
    const wrong = await pop.repository('wrong');
    expect(wrong).toMatchObject({ state: 'pending', repomd: null });
    expect(wrong.reason).toMatch(/repomd_invalid|upstream_lied|metalink/);
  });
});
