import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../support/faulty-origin-certificates.ts';
import { chunked, FaultyOrigin, stallAt, Gate, untilClose } from '../../support/faulty-origin.ts';
import type { Lie } from '../../support/faulty-origin.ts';
import { bytesOf, failureOf, pattern, TestClient } from '../clients.ts';
import { CompanyProxy } from '../company-proxy.ts';
import { answer } from './scripted-server.ts';

const large = pattern(3_000_000);
const small = pattern(30_000);
let authority: CertificateAuthority;
let origin: FaultyOrigin;
let proxy: CompanyProxy;

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  origin = await FaultyOrigin.start({ tls: { ...(await authority.issue('origin')), clientCa: authority.cert } });
  proxy = await CompanyProxy.start();
  origin.put('/large', large);
  origin.put('/small', small);
});
afterAll(async () => {
  await origin.stop();
  await proxy[Symbol.asyncDispose]();
  await authority[Symbol.asyncDispose]();
});

async function clientOf(way: string, idleTimeout = 15_000): Promise<TestClient> {
  const pair = await authority.issue('pop');
  const secret = (text: string) => () => Promise.resolve(text);
  return new TestClient(
    {
      urls: [origin.url],
      tls: { ca: secret(authority.cert), cert: secret(pair.cert), key: secret(pair.key) },
      proxy: way === 'straight' ? null : `http://${proxy.host}`,
    },
    { idleTimeout },
  );
}

test('a second connection resumes the session of the first', async () => {
  const pair = await authority.issue('resuming');
  const reused: boolean[] = [];
  const server = createServer(pair, (socket) => {
    reused.push(socket.isSessionReused());
    socket.on('error', () => {}).once('data', () => socket.end(answer('x', 'Connection: close')));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await using client = new TestClient({
    urls: [url],
    tls: { ca: () => Promise.resolve(authority.cert), cert: null, key: null },
  });
  for (let time = 0; time < 2; time++) await bytesOf(await client.found(url));
  expect(reused).toEqual([false, true]);
  server.close();
});

describe.each(['straight', 'through a tunnel'])('over TLS, %s', (way) => {
  test.each<[string, Lie[]]>([
    ['with a length', []],
    ['in chunks', [chunked()]],
    ['until the connection closes', [untilClose()]],
  ])('a sink that takes its time gets every byte in order: %s', async (_name, lies) => {
    const rule = origin.on('/large', ...lies);
    await using client = await clientOf(way, 100);
    const chunks: Buffer[] = [];
    await (
      await client.found(`${origin.url}large`)
    ).consume(async (chunk) => {
      chunks.push(chunk);
      if (chunks.length < 4) await after(150);
    });
    expect(Buffer.concat(chunks).equals(large)).toBe(true);
    rule.remove();
  });

  test('connections are used again, also after a pause at the end', async () => {
    await using client = await clientOf(way);
    const before = origin.connections;
    for (const path of ['small', 'large', 'small', 'large']) {
      const chunks: Buffer[] = [];
      await (
        await client.found(`${origin.url}${path}`)
      ).consume(async (chunk) => {
        chunks.push(chunk);
        await after(1);
      });
      expect(Buffer.concat(chunks).equals(path === 'small' ? small : large)).toBe(true);
    }
    expect(origin.connections - before).toBe(1);
  });

  test('many at once come as they are', async () => {
    await using client = await clientOf(way);
    const all = Array.from({ length: 40 }, (_, index) => (index % 4 === 0 ? 'large' : 'small'));
    const found = await Promise.all(all.map(async (path) => bytesOf(await client.found(`${origin.url}${path}`))));
    expect(found.every((bytes, index) => bytes.equals(all[index] === 'small' ? small : large))).toBe(true);
  });

  test('a body that stalls is given up', async () => {
    origin.times(1, '/large', stallAt(100_000, new Gate()));
    await using client = await clientOf(way, 200);
    const transfer = await client.found(`${origin.url}large`);
    expect((await failureOf(transfer.consume(() => {}))).code).toBe('upstream_timeout');
  });
});
