import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../support/faulty-origin-certificates.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { ForwardProxy } from '../support/forward-proxy.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, tool } from '../support/tools.ts';

const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');

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
        for (const file of ['a.rpm', 'repodata/repomd.xml', '.discinfo', '']) {
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
    await pop.looked();
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
