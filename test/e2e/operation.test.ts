import { once } from 'node:events';
import { mkdir, readFile, statfs, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { FaultyOrigin, Gate, stallAt } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { Download, download } from '../support/http-download.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { mounts, readOnly, smallFileSystem } from '../support/mounts.ts';
import { Pop, waystationCommand } from '../support/pop.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith } from '../support/tools.ts';

const big = incompressibleText(3 << 20);

describe('a start that cannot be', () => {
  test('an invalid configuration: every problem with its line, 78, for `config check` and `serve`', async () => {
    await using folder = await temporaryDirectory();
    const file = join(folder.path, 'waystation.yaml');
    await writeFile(
      file,
      [
        'state: relative/is/fine',
        'drain: soon',
        'nosuch: 1',
        'subscriptions:',
        '  - name: Vendor!',
        '    hub: { type: yum }',
        '    refresh: 10ms',
        '    repositories: [ { path: ../up, url: ftp://a.example/ } ]',
      ].join('\n'),
    );
    for (const words of [['config', 'check'], ['serve']]) {
      const { code, stdout, stderr } = await waystationCommand(...words, '--config', file);
      expect([code, stdout]).toEqual([78, '']);
      const lines = stderr.trimEnd().split('\n');
      const at = lines.map((line) => Number(line.slice(file.length + 1).split(':')[0]));
      expect(at).toEqual([2, 3, 5, 7, 8, 8]);
    }
  });

  test.each(['content', 'admin'] as const)('the %s port in use: which one, and no exit 0', async (which) => {
    await using pop = await Pop.prepare({});
    const taken = createServer().listen(Number(new URL(pop[which]).port), '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    pop.begin();
    expect((await pop.exited()).code).toBeGreaterThan(0);
    expect(pop.output).toContain(`127.0.0.1:${port}`);
    expect(pop.output).toMatch(/in use|EADDRINUSE/);
    expect(pop.output).not.toContain('    at ');
    taken.close();
  });

  test('a state directory that another process uses: 75, and that one goes on', async () => {
    await using first = await Pop.start({});
    await using second = await Pop.prepare({ state: first.state });
    second.begin();
    expect(await second.exited()).toMatchObject({ code: 75 });
    expect(second.output).toContain(first.state);
    expect((await fetch(`${first.admin}/healthz/live`)).status).toBe(200);
    // Killed, it holds nothing any more.
    await first.kill();
    await second.launch();
  });

  test.each(['waystation 99\n', 'something else'])(
    'a state directory of another format (%j) is left alone',
    async (text) => {
      await using pop = await Pop.prepare({});
      await mkdir(pop.state, { recursive: true });
      await writeFile(join(pop.state, 'FORMAT'), text);
      pop.begin();
      expect((await pop.exited()).code).toBeGreaterThan(0);
      expect(pop.output).toContain(join(pop.state, 'FORMAT'));
      expect(await readFile(join(pop.state, 'FORMAT'), 'utf8')).toBe(text);
    },
  );
});

describeWith([mounts], 'a state directory', () => {
  test('on a read-only mount is served from, and status and metrics say so', async () => {
    await using origin = await FaultyOrigin.start();
    putRepository(origin, 'r', {
      packages: { 'held.rpm': 'held', 'cold.rpm': 'cold', 'big.rpm': big },
      types: ['primary'],
    });
    await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
    await download(pop.content, '/content/r/held.rpm');
    await pop.held('/content/r/held.rpm');
    await pop.stop();
    await using _ = await readOnly(pop.state);
    await pop.launch();
    for (const file of ['repodata/repomd.xml', 'held.rpm'])
      expect(await download(pop.content, `/content/r/${file}`)).toMatchObject({ status: 200, word: 'hit' });
    for (const [file, bytes] of [
      ['cold.rpm', 'cold'],
      ['big.rpm', big],
    ] as const) {
      const answer = await download(pop.content, `/content/r/${file}`);
      expect([answer.status, answer.word, answer.body.toString() === bytes]).toEqual([200, 'bypass', true]);
    }
    expect((await pop.status()).cache.state).toBe('read-only');
    const metrics = await pop.metrics();
    expect(metrics.get('cache_state{state="read-only"}')).toBe(1);
    expect(metrics.get('cache_state{state="ok"}')).toBe(0);
    expect((await fetch(`${pop.admin}/healthz/ready`)).status).toBe(200);
    expect(await pop.stop()).toMatchObject({ code: 0 });
  });

  test('without space passes everything through, right and counted, and says so', async () => {
    await using origin = await FaultyOrigin.start();
    const packages = Object.fromEntries([1, 2, 3, 4].map((number) => [`${number}.rpm`, `${number}${big}`]));
    putRepository(origin, 'r', { packages: { ...packages, 'small.rpm': 'small' }, types: ['primary'] });
    origin.put('/r/images/boot.iso', big);
    await using folder = await temporaryDirectory();
    await using _ = await smallFileSystem(folder.path, '8m');
    await using pop = await Pop.start({
      state: join(folder.path, 'state'),
      repositories: [{ path: 'r', url: `${origin.url}r/` }],
      config: { cache: { max: '100%', keepFree: '0%' } },
    });
    await pop.published();
    // Others take the room: nothing that could be removed here would be enough.
    const { bavail, bsize } = await statfs(folder.path);
    await writeFile(join(folder.path, 'of-others'), Buffer.alloc(bavail * bsize - (1 << 20)));
    while ((await pop.status()).cache.free > 2 << 20) await after(100);
    const words: (string | null)[] = [];
    for (const [name, bytes] of Object.entries(packages)) {
      const answer = await download(pop.content, `/content/r/${name}`);
      expect([name, answer.status, answer.complete, answer.body.toString() === bytes]).toEqual([name, 200, true, true]);
      words.push(answer.word);
    }
    expect(words).toEqual(['bypass', 'bypass', 'bypass', 'bypass']);
    const image = await download(pop.content, '/content/r/images/boot.iso');
    expect([image.status, image.word, image.body.toString() === big]).toEqual([200, 'bypass', true]);
    expect((await pop.status()).cache.state).toBe('full');
    const metrics = await pop.metrics();
    expect(metrics.get('cache_state{state="full"}')).toBe(1);
    expect(metrics.get('fills_total{result="bypassed"}')).toBe(4);
    // What was held before is served as ever.
    expect(await download(pop.content, '/content/r/repodata/repomd.xml')).toMatchObject({ status: 200, word: 'hit' });
  });
});

describe('SIGTERM', () => {
  test('lets open downloads finish, refuses new ones, and ends with 0 and every access line written', async () => {
    await using origin = await FaultyOrigin.start();
    putRepository(origin, 'r', { packages: { 'big.rpm': big, 'a.rpm': 'a' }, types: ['primary'] });
    await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
    const gate = new Gate();
    origin.on('/r/big.rpm', stallAt(2 << 20, gate));
    const open = new Download(pop.content, '/content/r/big.rpm');
    await open.until(1 << 20);
    pop.signal('SIGTERM');
    await pop.logged(() => pop.output.includes('draining'));
    const refused = await download(pop.content, '/content/r/a.rpm').then(
      ({ status }) => status,
      () => 'refused',
    );
    expect(['refused', 503]).toContain(refused);
    gate.open();
    const { complete, body } = await open.done;
    expect([complete, body.toString() === big]).toEqual([true, true]);
    expect(await pop.exited()).toEqual({ code: 0, signal: null });
    expect(pop.access.find(({ path }) => path.endsWith('big.rpm'))).toMatchObject({ status: 200, bytes: big.length });
  });

  test('for the second time ends at once', async () => {
    await using origin = await FaultyOrigin.start();
    putRepository(origin, 'r', { packages: { 'big.rpm': big }, types: ['primary'] });
    await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
    origin.on('/r/big.rpm', stallAt(2 << 20, new Gate()));
    const open = new Download(pop.content, '/content/r/big.rpm');
    await open.until(1 << 20);
    pop.signal('SIGTERM');
    await pop.logged(() => pop.output.includes('draining'));
    const asked = performance.now();
    expect(await pop.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - asked).toBeLessThan(5_000);
    expect((await open.done).complete).toBe(false);
    expect(pop.access.find(({ path }) => path.endsWith('big.rpm'))?.outcome).toMatch(/^(aborted|error)$/);
  });

  test('ends an idle PoP soon, and what it held is there after the next start', async () => {
    await using origin = await FaultyOrigin.start();
    putRepository(origin, 'r', { packages: { 'a.rpm': 'a' } });
    await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
    await download(pop.content, '/content/r/a.rpm');
    await pop.held('/content/r/a.rpm');
    await origin.stop();
    const asked = performance.now();
    expect(await pop.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - asked).toBeLessThan(5_000);
    await pop.launch();
    expect(await download(pop.content, '/content/r/a.rpm')).toMatchObject({ status: 200, word: 'hit' });
  });
});

describe('secrets', () => {
  test('a password is changed without a restart; a wrong one is named by status and costs nothing that is served', async () => {
    await using origin = await FaultyOrigin.start({ basic: { username: 'pop', password: 'right-XyZ1' } });
    await using open = await FaultyOrigin.start();
    open.put('/mirrors', `${open.url}r/\n`);
    for (const each of [origin, open]) putRepository(each, 'r', { packages: { 'a.rpm': 'a', 'b.rpm': 'b' } });
    await using pop = await Pop.start({
      repositories: [
        {
          path: 'r',
          url: `${origin.url}r/`,
          username: 'pop',
          passwordFile: 'password',
          headers: { 'X-Entitlement': { file: 'token' } },
          access: 'open',
        },
        { path: 'shut', url: `${origin.url}r/`, username: 'pop', passwordFile: 'password' },
        { path: 'list', mirrorlist: `${open.url}mirrors?token=token-QrS3` },
      ],
      files: { password: 'wrong-XyZ2\n', token: 'token-XyZ3\n' },
    });
    await pop.looked();
    const unauthorized = await pop.status();
    expect(unauthorized.subscriptions[0]?.sync.error?.code).toBe('upstream_unauthorized');
    expect((await pop.repository('r')).reason).toMatch(/upstream_unauthorized/);

    await pop.file('password', 'right-XyZ1\n');
    // Secrets are read again once they may have changed: at the latest a second later.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await pop.run('sync', '--wait')).toMatchObject({ code: 0, stderr: '' });
    expect((await download(pop.content, '/content/r/a.rpm')).body.toString()).toBe('a');

    await pop.file('password', 'wrong-again-XyZ4\n');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const failed = await pop.run('sync', '--wait');
    expect(failed).toMatchObject({ code: 1 });
    expect(failed.stderr).toMatch(/r: upstream_unauthorized/);
    expect((await download(pop.content, '/content/r/a.rpm')).body.toString()).toBe('a');
    const cold = await download(pop.content, '/content/r/b.rpm');
    expect([cold.status, JSON.parse(cold.body.toString())]).toMatchObject([504, { code: 'upstream_unauthorized' }]);

    const shown = [pop.output, failed.stdout, failed.stderr, cold.body.toString()];
    for (const path of ['/', '/repo-files/vendor.repo', '/content/', '/content/r/', '/content/shut/a.rpm'])
      shown.push((await download(pop.content, path)).body.toString());
    for (const path of [
      '/metrics',
      '/healthz/ready',
      '/api/v1/status',
      '/api/v1/syncs',
      '/api/v1/generations',
      '/api/v1/explain?path=/content/r/b.rpm',
    ])
      shown.push((await download(pop.admin, path)).body.toString());
    for (const words of [
      ['status'],
      ['status', '--json'],
      ['status', '/content/r/b.rpm'],
      ['config', 'check', '--json'],
    ])
      shown.push(Object.values(await pop.run(...words)).join('\n'));
    await pop.stop();
    shown.push(pop.output);
    const basic = ['right-XyZ1', 'wrong-XyZ2', 'wrong-again-XyZ4'].map((each) =>
      Buffer.from(`pop:${each}`).toString('base64'),
    );
    for (const secret of ['XyZ', 'QrS3', ...basic])
      expect(shown.filter((text) => text.includes(secret)).map((text) => text.slice(0, 2_000))).toEqual([]);
  });
});
