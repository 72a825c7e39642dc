import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { basic } from '../../origin/identity.ts';
import { bypassesProxy } from '../../origin/no-proxy.ts';
import { CertificateAuthority } from '../support/faulty-origin-certificates.ts';
import type { KeyPair } from '../support/faulty-origin-certificates.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { CompanyProxy } from './company-proxy.ts';
import { bytesOf, failureOf, pattern, TestClient } from './clients.ts';

const file = pattern(300_000);
let ours: CertificateAuthority;
let theirs: CertificateAuthority;
let server: KeyPair;
let secure: FaultyOrigin;
let plain: FaultyOrigin;

beforeAll(async () => {
  ours = await CertificateAuthority.create();
  theirs = await CertificateAuthority.create();
  server = await ours.issue('origin');
  secure = await FaultyOrigin.start({ tls: server });
  plain = await FaultyOrigin.start();
  for (const origin of [secure, plain]) origin.put('/f', file);
});
afterAll(async () => {
  await secure.stop();
  await plain.stop();
  await ours[Symbol.asyncDispose]();
  await theirs[Symbol.asyncDispose]();
});

function tls(secrets: { ca?: string; cert?: string; key?: string }): TestClient {
  const secret = (text: string | undefined) => (text === undefined ? null : async () => text);
  return new TestClient({
    urls: [secure.url],
    tls: { ca: secret(secrets.ca), cert: secret(secrets.cert), key: secret(secrets.key) },
  });
}

describe('TLS', () => {
  test('a private CA is believed, and no other then', async () => {
    await using known = tls({ ca: ours.cert });
    expect((await bytesOf(await known.found(`${secure.url}f`))).equals(file)).toBe(true);
    await using wrong = tls({ ca: theirs.cert });
    expect((await failureOf(wrong.get(`${secure.url}f`))).code).toBe('upstream_unreachable');
    await using none = tls({});
    expect((await failureOf(none.get(`${secure.url}f`))).code).toBe('upstream_unreachable');
  });

  test('a certificate of another name is refused', async () => {
    await using known = tls({ ca: ours.cert });
    await using other = await FaultyOrigin.start({ tls: await ours.issue('other', ['DNS:other.test']) });
    expect((await failureOf(known.get(`${other.url}f`))).code).toBe('upstream_unreachable');
  });

  test('a client certificate is shown, and a new one from the moment its file changes', async () => {
    await using closed = await FaultyOrigin.start({ tls: { ...server, clientCa: ours.cert } });
    closed.put('/f', file);
    let pair = await theirs.issue('pop');
    await using known = new TestClient({
      urls: [closed.url],
      tls: { ca: async () => ours.cert, cert: async () => pair.cert, key: async () => pair.key },
    });
    expect((await failureOf(known.get(`${closed.url}f`))).source).toBe('origin');
    pair = await ours.issue('pop');
    expect((await bytesOf(await known.found(`${closed.url}f`))).equals(file)).toBe(true);
  });

  test('a changed file leaves transfers that are under way alone', async () => {
    let { cert } = ours;
    await using known = new TestClient({ urls: [secure.url], tls: { ca: async () => cert, cert: null, key: null } });
    const under = await known.found(`${secure.url}f`);
    cert = theirs.cert;
    expect((await failureOf(known.get(`${secure.url}f`))).code).toBe('upstream_unreachable');
    expect((await bytesOf(under)).equals(file)).toBe(true);
  });

  test('a redirect from https to http is refused', async () => {
    await using known = tls({ ca: ours.cert });
    const rule = secure.on('/down', (reply) => ({ ...reply, status: 302, headers: [['location', `${plain.url}f`]] }));
    expect((await failureOf(known.get(`${secure.url}down`))).message).toMatch(/redirects from https to http$/);
    rule.remove();
  });
});

describe('a proxy', () => {
  test('is asked in absolute form for http, and shown its own credentials', async () => {
    await using proxy = await CompanyProxy.start(basic('p:q'));
    await using known = new TestClient({
      urls: [plain.url],
      proxy: `http://p:q@${proxy.host}`,
      username: 'pop',
      password: async () => 'x',
    });
    const before = plain.requests.length;
    expect((await bytesOf(await known.found(`${plain.url}f`))).equals(file)).toBe(true);
    expect(proxy.requests.map(({ method, target }) => [method, target])).toEqual([['GET', `${plain.url}f`]]);
    const [asked] = plain.requests.slice(before);
    expect(asked?.headers['host']).toBe(`127.0.0.1:${plain.port}`);
    expect(asked?.headers['authorization']).toBe(basic('pop:x'));
  });

  test('tunnels https, and never sees what is said', async () => {
    await using proxy = await CompanyProxy.start(basic('p:q'));
    await using known = new TestClient({
      urls: [secure.url],
      proxy: `http://p:q@${proxy.host}`,
      username: 'pop',
      password: async () => 'x',
      tls: { ca: async () => ours.cert, cert: null, key: null },
    });
    expect((await bytesOf(await known.found(`${secure.url}f`))).equals(file)).toBe(true);
    expect(proxy.requests.map(({ method, target }) => [method, target])).toEqual([
      ['CONNECT', `127.0.0.1:${secure.port}`],
    ]);
    expect(proxy.requests[0]?.headers['authorization']).toBe(undefined);
    expect(secure.requests.at(-1)?.headers['proxy-authorization']).toBe(undefined);
  });

  test('that does not know us is named in the error', async () => {
    await using proxy = await CompanyProxy.start(basic('p:q'));
    await using known = new TestClient({ urls: [plain.url, secure.url], proxy: `http://${proxy.host}` });
    expect(await failureOf(known.get(`${plain.url}f`))).toMatchObject({
      code: 'upstream_unauthorized',
      message: expect.stringContaining('proxy') as string,
    });
    expect((await failureOf(known.get(`${secure.url}f`))).code).toBe('upstream_unreachable');
  });

  test('is gone round for the hosts of the list', async () => {
    await using proxy = await CompanyProxy.start();
    await using known = new TestClient({
      urls: [plain.url],
      proxy: `http://${proxy.host}`,
      noProxy: ['127.0.0.0/8'],
    });
    expect((await bytesOf(await known.found(`${plain.url}f`))).equals(file)).toBe(true);
    expect(proxy.requests).toEqual([]);
  });
});

test.each<[string, string, boolean]>([
  ['http://a.example/', 'a.example', true],
  ['http://b.a.example/', 'a.example', true],
  ['http://b.a.example/', '.a.example', true],
  ['http://a.example/', 'A.EXAMPLE', true],
  ['http://ba.example/', 'a.example', false],
  ['http://a.example/', 'a.example:80', true],
  ['https://a.example/', 'a.example:443', true],
  ['http://a.example:8080/', 'a.example:80', false],
  ['http://a.example/', '*', true],
  ['http://a.example/', '', false],
  ['http://10.1.2.3/', '10.0.0.0/8', true],
  ['http://11.1.2.3/', '10.0.0.0/8', false],
  ['http://10.1.2.3/', '10.1.2.3', true],
  ['http://10.1.2.3:81/', '10.1.2.3:80', false],
  ['http://10.1.2.3:81/', '10.1.2.3:81', true],
  ['http://[fd00::1]/', 'fd00::/8', true],
  ['http://[fd00::1]/', 'fd00::1', true],
  ['http://[fe00::1]/', 'fd00::/8', false],
  ['http://10.1.2.3/', '10.0.0.0/99', false],
  ['http://a.example/', '10.0.0.0/8', false],
])('%s goes round the proxy for "%s": %s', (url, entry, expected) => {
  expect(bypassesProxy(new URL(url), [entry])).toBe(expected);
});
