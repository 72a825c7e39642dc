import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { once } from 'node:events';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CertificateAuthority } from '../../support/faulty-origin-certificates.ts';
import { pattern } from '../clients.ts';
import { Gets } from './gets.ts';

let trusted: CertificateAuthority;
let unknown: CertificateAuthority;
const usual = getCACertificates('default');
beforeAll(async () => {
  [trusted, unknown] = await Promise.all([CertificateAuthority.create(), CertificateAuthority.create()]);
  setDefaultCACertificates([...usual, trusted.cert]);
});
afterAll(async () => {
  setDefaultCACertificates(usual);
  await trusted[Symbol.asyncDispose]();
  await unknown[Symbol.asyncDispose]();
});

const files = [30_000, 200_000, 100].map(pattern);
const giving: RequestListener = ({ url }, response) => void response.end(files[Number(url?.slice(1))]);

/** @param host by which it is asked. */
async function listening(server: Server, host: string) {
  let connections = 0;
  server.on('connection', () => (connections += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const scheme = 'setSecureContext' in server ? 'https' : 'http';
  return {
    url: `${scheme}://${host}:${(server.address() as AddressInfo).port}/`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function givesAll(url: string): Promise<void> {
  using gets = new Gets(url);
  for (const [name, file] of files.entries()) {
    const { failure, put } = await gets.get(`/${name}`, file);
    expect([failure, put?.equals(file)]).toEqual([null, true]);
  }
  expect(await gets.get('/7', files[0] ?? '')).toMatchObject({ failure: 'wrong', put: null });
}

test('a server of HTTP gives its files on one connection', async () => {
  await using server = await listening(createServer(giving), '127.0.0.1');
  await givesAll(server.url);
  expect(server.connections).toBe(1);
});

test.each(['127.0.0.1', 'localhost'])('one of HTTPS does, when a known authority vouches for %s', async (host) => {
  await using server = await listening(createSecureServer(await trusted.issue('hub'), giving), host);
  await givesAll(server.url);
  expect(server.connections).toBe(1);
});

test.each([
  ['localhost', 'localhost'],
  ['127.0.0.1', false],
])('one of HTTPS that is asked as %s hears the name %s', async (host, name) => {
  const names: (string | false | null)[] = [];
  const secure = createSecureServer(await trusted.issue('hub'), giving);
  secure.on('secureConnection', ({ servername }) => names.push(servername));
  await using server = await listening(secure, host);
  using gets = new Gets(server.url);
  expect(await gets.get('/2', files[2] ?? '')).toMatchObject({ failure: null });
  expect(names).toEqual([name]);
});

test.each<[string, () => Promise<{ key: string; cert: string }>]>([
  ['an unknown authority', () => unknown.issue('hub')],
  ['nobody for this name', () => trusted.issue('hub', ['DNS:other.example'])],
])('one of HTTPS that %s vouches for gives nothing', async (_name, issue) => {
  await using server = await listening(createSecureServer(await issue(), giving), 'localhost');
  using gets = new Gets(server.url);
  expect(await gets.get('/0', files[0] ?? '')).toMatchObject({ failure: 'cut', received: 0, put: null });
});
