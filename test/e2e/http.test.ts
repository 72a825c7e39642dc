import { createHash } from 'node:crypto';
import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FaultyOrigin, Gate, hang } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download, type Downloaded, type DownloadOptions } from '../support/http-download.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { Pop } from '../support/pop.ts';

const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
const big = incompressibleText(3 << 20);
const odd = 'Packages/g++ 1%#?~^ü.rpm';
const small = (name: string): string => `the bytes of ${name}`;
const names = [odd, ...'abcdefghijkl'.split('').map((letter) => `${letter}.rpm`)];
const packages: Record<string, string> = {
  ...Object.fromEntries(names.map((name) => [name, small(name)])),
  'big.rpm': big,
  'cold.rpm': big + 'c',
};
const older = { ...packages, 'withdrawn.rpm': small('withdrawn.rpm') };

describe('what HTTP clients see', () => {
  let origin: FaultyOrigin;
  let pop: Pop;
  let first: string;
  let between: string;
  beforeAll(async () => {
    origin = await FaultyOrigin.start();
    putRepository(origin, 'tools', { packages: older });
    putRepository(origin, 'nested', { packages: { 'same.rpm': 'outer', 'inner/same.rpm': 'never: the inner wins' } });
    putRepository(origin, 'inner', { packages: { 'same.rpm': 'inner' } });
    origin.put('/tools/.discinfo', '[general]\nfamily = Test\n');
    origin.put('/tools/images/install.img', incompressibleText(2 << 20, 'i'));
    pop = await Pop.start({
      repositories: [
        { path: 'tools', url: `${origin.url}tools/` },
        { path: 'nested', url: `${origin.url}nested/` },
        { path: 'nested/inner', url: `${origin.url}inner/` },
        { path: 'later', url: `${origin.url}later/` },
        { path: 'closed', url: `${origin.url}tools/`, access: 'deny' },
      ],
      config: { aliases: { '/pulp/content/default/': '/content/' } },
    });
    await pop.published('tools', 'nested', 'nested/inner', 'closed');
    first = (await pop.generations()).find(({ current }) => current)?.id ?? '';
    await get('/content/tools/withdrawn.rpm');
    between = new Date().toISOString();
    putRepository(origin, 'tools', { packages });
    // `later` is still not there, which is what it says.
    const { code, stderr } = await pop.run('sync', '--wait');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^vendor: later: upstream_missing: .*\n$/)]);
  });
  afterAll(async () => {
    await pop[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
  });
  const get = (path: string, options?: DownloadOptions): Promise<Downloaded> => download(pop.content, path, options);
  /** GETs that reached the origin for one path. */
  const fetches = (path: string): number =>
    origin.requests.filter((request) => request.path === path && request.method === 'GET').length;

  test('a package misses once, then hits, with the same head and bytes', async () => {
    const cold = await get('/content/tools/a.rpm');
    const warm = await get('/content/tools/a.rpm');
    expect([cold.status, cold.word, warm.status, warm.word]).toEqual([200, 'miss', 200, 'hit']);
    for (const answer of [cold, warm]) {
      expect(answer.body.toString()).toBe(small('a.rpm'));
      expect(answer.headers).toMatchObject({
        'content-type': 'application/x-rpm',
        'content-length': String(small('a.rpm').length),
        etag: `"${sha256(small('a.rpm'))}"`,
        'accept-ranges': 'bytes',
        'cache-control': 'public, max-age=300',
      });
      expect(answer.headers).not.toHaveProperty('content-encoding');
      expect(answer.headers).not.toHaveProperty('transfer-encoding');
    }
    expect(fetches('/tools/a.rpm')).toBe(1);
  });

  test('HEAD tells what GET would, and starts no fill', async () => {
    const cold = await get('/content/tools/b.rpm', { method: 'HEAD' });
    expect(cold).toMatchObject({ status: 200, word: 'miss' });
    expect(cold.body).toHaveLength(0);
    expect(fetches('/tools/b.rpm')).toBe(0);
    const { headers } = await get('/content/tools/b.rpm');
    await pop.held('/content/tools/b.rpm');
    const warm = await get('/content/tools/b.rpm', { method: 'HEAD' });
    expect(warm).toMatchObject({ status: 200, word: 'hit' });
    for (const name of ['content-length', 'content-type', 'etag', 'cache-control', 'accept-ranges'])
      expect([cold.headers[name], warm.headers[name]]).toEqual([headers[name], headers[name]]);
  });

  test('requests that come while a file is fetched join its one transfer', async () => {
    const gate = new Gate();
    origin.on('/tools/c.rpm', hang(gate));
    const one = get('/content/tools/c.rpm');
    await gate.reached;
    const others = [get('/content/tools/c.rpm'), get('/content/tools/c.rpm')];
    // They have been taken up before the gate opens: each new request is answered in order of its arrival.
    await get('/content/tools/repodata/repomd.xml');
    gate.open();
    const answers = await Promise.all([one, ...others]);
    expect(answers.map(({ word }) => word)).toEqual(['miss', 'collapsed', 'collapsed']);
    for (const { body } of answers) expect(body.toString()).toBe(small('c.rpm'));
    expect(fetches('/tools/c.rpm')).toBe(1);
  });

  test('every spelling of a name is one object', async () => {
    const spellings = [
      '/content/tools/Packages/g%2B%2B%201%25%23%3F%7E%5E%C3%BC.rpm',
      '/content/tools/Packages/g%2b%2b%201%25%23%3f~%5e%c3%bc.rpm',
      '/content/tools/Packages/g++%201%25%23%3f~^%c3%bc.rpm',
      '/content/tools/Packages/g++%201%25%23%3f~^%c3%bc.rpm?token=1',
      '/content/tools/%50ackages/g++%201%25%23%3f~^%c3%bc.rpm',
      '/pulp/content/default/tools/Packages/g++%201%25%23%3f~^%c3%bc.rpm',
    ];
    for (const path of spellings) expect([path, (await get(path)).body.toString()]).toEqual([path, small(odd)]);
    expect(origin.requests.filter(({ path }) => path === `/tools/${odd}`)).toHaveLength(1);
  });

  test('repomd.xml must be asked for again, whatever the client says about caches', async () => {
    const before = origin.count('/tools/repodata/repomd.xml');
    const answer = await get('/content/tools/repodata/repomd.xml', {
      headers: { 'cache-control': 'no-cache', pragma: 'no-cache' },
    });
    expect(answer).toMatchObject({ status: 200, word: 'hit' });
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-cache', 'content-type': 'application/xml' });
    expect(origin.count('/tools/repodata/repomd.xml')).toBe(before);
  });

  test('an unlisted file is asked for once, then kept', async () => {
    expect(await get('/content/tools/.discinfo')).toMatchObject({ status: 200, word: 'unlisted-miss' });
    await pop.held('/content/tools/.discinfo');
    const kept = await get('/content/tools/.discinfo');
    expect(kept).toMatchObject({ status: 200, word: 'unlisted-hit' });
    expect(kept.body.toString()).toContain('family = Test');
    expect(fetches('/tools/.discinfo')).toBe(1);
    const image = await get('/content/tools/images/install.img');
    expect(sha256(image.body)).toBe(sha256(incompressibleText(2 << 20, 'i')));
  });

  test('an unlisted file that the upstream does not have is 404, and not asked for each time', async () => {
    for (let time = 0; time < 3; time++)
      expect(await get('/content/tools/images/updates.img')).toMatchObject({ status: 404, word: 'absent' });
    expect(origin.count('/tools/images/updates.img')).toBe(1);
  });

  test.each(['no-such.rpm', 'repodata/no-such.xml', 'Packages/no/such.rpm'])(
    '%s is 404 without asking anybody: metadata would list it',
    async (file) => {
      expect(await get(`/content/tools/${file}`)).toMatchObject({ status: 404, word: 'absent' });
      expect(origin.count(`/tools/${file}`)).toBe(0);
    },
  );

  test.each([
    '/content/none/a.rpm',
    '/content/toolsx/a.rpm',
    '/generations/none/tools/a.rpm',
    '/keys/vendor/1.asc',
    '/x',
  ])('%s is 404', async (path) => {
    expect(await get(path)).toMatchObject({ status: 404, word: 'absent' });
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is 405 with Allow', async (method) => {
    for (const path of ['/content/tools/a.rpm', '/content/', '/', '/repo-files/vendor.repo']) {
      const answer = await get(path, { method });
      expect([path, answer.status, answer.headers.allow]).toEqual([path, 405, 'GET, HEAD']);
    }
  });

  test.each([
    '/content/tools/../tools/a.rpm',
    '/content/tools/%2e%2e/a.rpm',
    '/content/tools/..%2fa.rpm',
    '/content/tools%2fa.rpm',
    '/content/tools//a.rpm',
    '/content/tools/a%00.rpm',
    '/content/tools/%zz',
    '/content/tools/%ff',
    '/content/tools/a\\b',
  ])('%s is refused', async (path) => {
    const answer = await get(path);
    expect(answer).toMatchObject({ status: 400, word: 'invalid' });
    expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'bad_path' });
  });

  test('a repository that was never published is 503 with Retry-After and the reason', async () => {
    for (const path of ['/content/later/repodata/repomd.xml', '/content/later/a.rpm']) {
      const answer = await get(path);
      expect(answer).toMatchObject({ status: 503, word: 'unavailable' });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'repository_pending' });
    }
  });

  test('a repository that the operator closed is 403', async () => {
    for (const path of ['/content/closed/a.rpm', '/content/closed/repodata/repomd.xml', '/content/closed/']) {
      const answer = await get(path);
      expect(answer).toMatchObject({ status: 403, word: 'denied' });
    }
  });

  test('of nested repositories the longest path wins', async () => {
    expect((await get('/content/nested/same.rpm')).body.toString()).toBe('outer');
    expect((await get('/content/nested/inner/same.rpm')).body.toString()).toBe('inner');
  });

  test('a package that only an older generation lists is still served', async () => {
    expect(await get('/content/tools/withdrawn.rpm')).toMatchObject({ status: 200 });
  });

  test('a generation is served by its id, for ever the same', async () => {
    const at = `/generations/${first}/tools`;
    const pinned = await get(`${at}/withdrawn.rpm`);
    expect(pinned).toMatchObject({ status: 200, word: 'hit' });
    const immutable = { 'cache-control': 'public, max-age=31536000, immutable' };
    expect(pinned.headers).toMatchObject(immutable);
    const repomd = await get(`${at}/repodata/repomd.xml`);
    expect(repomd.headers).toMatchObject(immutable);
    expect(repomd.body.equals((await get('/content/tools/repodata/repomd.xml')).body)).toBe(false);
    const ranged = await get(`${at}/withdrawn.rpm`, { headers: { range: 'bytes=0-1' } });
    expect([ranged.status, ranged.headers['cache-control']]).toEqual([206, immutable['cache-control']]);
    for (const [path, code] of [
      [`${at}/.discinfo`, 200],
      [`${at}/none.rpm`, 404],
      [`/generations/${first}/closed/a.rpm`, 403],
    ] as const) {
      const answer = await get(path);
      expect([path, answer.status, answer.headers['cache-control']]).toEqual([path, code, 'no-store']);
    }
  });

  test('a generation is served by a moment at which it was current', async () => {
    const then = await get(`/generations/@${between}/tools/repodata/repomd.xml`);
    expect(then.body.equals((await get(`/generations/${first}/tools/repodata/repomd.xml`)).body)).toBe(true);
    expect(then.headers['cache-control']).toBe('no-cache');
    const today = await get(`/generations/@${between.slice(0, 10)}/tools/repodata/repomd.xml`);
    expect(today.body.equals((await get('/content/tools/repodata/repomd.xml')).body)).toBe(true);
    const before = await get('/generations/@2001-01-01/tools/repodata/repomd.xml');
    expect(before.status).toBe(404);
    const having = (await pop.generations()).filter(({ repositories }) => 'tools' in repositories);
    const created = having.map((generation) => generation.created).toSorted()[0] ?? 'none';
    expect(JSON.parse(before.body.toString())).toMatchObject({ detail: expect.stringContaining(created) as string });
  });

  test('people get listings, and a folder its slash', async () => {
    for (const [path, words] of [
      ['/content/', ['tools', 'nested']],
      ['/content/tools/', ['repodata', 'Packages', 'big.rpm']],
      ['/content/tools/Packages/', ['g++ 1%#?~^ü.rpm']],
    ] as const) {
      const answer = await get(path);
      expect(answer).toMatchObject({ status: 200, word: 'local' });
      for (const word of words) expect(answer.body.toString()).toContain(word);
    }
    const moved = await get('/content/tools');
    expect([moved.status, moved.headers.location]).toEqual([301, '/content/tools/']);
  });

  test('the page shows every repository', async () => {
    const answer = await get('/');
    expect(answer).toMatchObject({ status: 200, word: 'local' });
    expect(answer.headers['content-type']).toContain('text/html');
    for (const word of ['tools', 'nested/inner', 'later']) expect(answer.body.toString()).toContain(word);
  });

  test('`status` says what the service says, and why a path is here', async () => {
    const { code, stdout } = await pop.run('status', '--json');
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { state: 'degraded', subscriptions: [{ name: 'vendor' }] }]);
    for (const [path, word] of [
      ['/content/tools/a.rpm', 'hit'],
      ['/content/tools/none.rpm', 'absent'],
      ['/content/closed/a.rpm', 'denied'],
      ['/content/later/a.rpm', 'unavailable'],
    ] as const)
      expect((await pop.run('status', path)).stdout).toContain(`${path}: ${word}`);
  });

  test('an upstream that hangs delays nothing that is held, on a connection that is kept alive too', async () => {
    const files = ['repodata/repomd.xml', 'a.rpm', '.discinfo', 'big.rpm'];
    for (const file of files) {
      await get(`/content/tools/${file}`);
      await pop.held(`/content/tools/${file}`);
    }
    const gate = new Gate();
    const hanging = origin.on(/./, hang(gate));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const took: number[] = [];
    for (let round = 0; round < 20; round++)
      for (const file of files) {
        const answer = await get(`/content/tools/${file}`, { agent });
        expect([file, answer.status]).toEqual([file, 200]);
        took.push(answer.took);
      }
    agent.destroy();
    hanging.remove();
    gate.open();
    expect(took.toSorted((one, other) => one - other).at(-2)).toBeLessThan(200);
  });

  describe('when the upstream is gone, after a restart', () => {
    beforeAll(async () => {
      origin.clear();
      await origin.stop();
      await pop.kill();
      await pop.launch();
      await pop.until(({ state }) => state === 'disconnected');
      // One failed contact is not yet known to be an outage: that takes another try, some moments later.
      const deadline = performance.now() + 10_000;
      while ((await get('/content/tools/repodata/repomd.xml')).word !== 'stale') {
        if (performance.now() > deadline) throw new Error('repomd.xml never becomes stale');
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    });

    test('repomd.xml is stale, the rest hits', async () => {
      for (let time = 0; time < 2; time++) {
        expect(await get('/content/tools/repodata/repomd.xml')).toMatchObject({ status: 200, word: 'stale' });
        expect(await get('/content/tools/a.rpm')).toMatchObject({ status: 200, word: 'hit' });
        // A generation that is named cannot get old.
        const pinned = await get(`/generations/${first}/tools/repodata/repomd.xml`);
        expect(pinned).toMatchObject({ status: 200, word: 'hit' });
        expect(await get('/content/tools/.discinfo')).toMatchObject({ status: 200, word: 'unlisted-hit' });
      }
    });

    test('an unlisted file that was never seen is 504', async () => {
      expect(await get('/content/tools/EULA')).toMatchObject({ status: 504, word: 'unavailable' });
    });

    test('a listed file that was never fetched is 504 with Retry-After', async () => {
      const answer = await get('/content/tools/l.rpm');
      expect(answer).toMatchObject({ status: 504, word: 'unavailable' });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    });

    test('what comes back is served within 5 s', async () => {
      await origin.resume();
      const healed = performance.now();
      for (;;) {
        const { status: code, body } = await get('/content/tools/k.rpm');
        if (code === 200) {
          expect(body.toString()).toBe(small('k.rpm'));
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(performance.now() - healed).toBeLessThan(5_000);
    });
  });
});
