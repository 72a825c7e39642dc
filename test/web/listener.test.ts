import { once } from 'node:events';
import { mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { openListener, type Listener, type ListenerOptions } from '../../web/listener.ts';
import { rawConnection, type RawConnection } from '../support/raw-connection.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const listeners: Listener[] = [];
const connections: RawConnection[] = [];
let refused: number[] = [];
let seen: string[] = [];

beforeEach(() => {
  refused = [];
  seen = [];
});
afterEach(async () => {
  for (const { socket } of connections.splice(0)) socket.destroy();
  await Promise.all(listeners.splice(0).map((listener) => listener.drain(0)));
});

async function open(handler?: Handler, options: Partial<ListenerOptions> = {}): Promise<Listener> {
  const listener = await openListener({
    address: '127.0.0.1:0',
    log: silentLogger,
    onRefused: (status) => void refused.push(status),
    onRequest: (request, response) => {
      seen.push(`${request.method} ${request.url}`);
      if (handler) handler(request, response);
      else response.end(`you asked for ${request.url}`);
    },
    ...options,
  });
  listeners.push(listener);
  return listener;
}

async function dial(listener: Listener): Promise<RawConnection> {
  const connection = await rawConnection(listener.port ?? listener.address);
  connections.push(connection);
  return connection;
}

/** What comes back for these bytes until the listener closes. */
async function exchange(bytes: string): Promise<string> {
  const connection = await dial(await open());
  connection.send(bytes);
  return (await connection.closed()).text;
}

const whenOpen = (gate: Promise<void>, action: () => void): void => void gate.then(action, () => {});

const statuses = (text: string): string[] => text.match(/HTTP\/1\.1 [0-9]{3}/g)?.map((line) => line.slice(9)) ?? [];

describe('a malformed request is refused, closed, and reaches no handler:', () => {
  test.each<[string, string]>([
    [
      'both lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /2',
    ],
    ['two different lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde'],
    ['a list as length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 4\r\n\r\nabcd'],
    ['a signed length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nabcd'],
    [
      'an unfinished transfer coding',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n',
    ],
    ['an unknown transfer coding', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['a further transfer coding', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['a transfer coding in HTTP/1.0', 'POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['bare line feeds', 'GET / HTTP/1.1\nHost: x\n\n'],
    ['a bare line feed in a header', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\nC: d\r\n\r\n'],
    ['a bare carriage return', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n'],
    ['a folded header', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n'],
    ['a space in the target', 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n'],
    ['an unknown method', 'GRAB / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['another protocol', 'SSH-2.0-client\r\n\r\n'],
    ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['another version', 'GET / HTTP/3.7\r\nHost: x\r\n\r\n'],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: x\r\nhOST: y\r\n\r\n'],
  ])('%s', async (_name, bytes) => {
    const text = await exchange(bytes);
    expect(statuses(text)).toEqual(['400']);
    expect(text).toMatch(/\r\nConnection: close\r\n/i);
    expect(seen).toEqual([]);
    expect(refused).toEqual([400]);
  });

  test('headers of more than 16 KiB: 431', async () => {
    const text = await exchange(`GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(17 * 1024)}\r\n\r\n`);
    expect(statuses(text)).toEqual(['431']);
    expect(refused).toEqual([431]);
  });

  test('CONNECT: 405', async () => {
    const text = await exchange('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n');
    expect(statuses(text)).toEqual(['405']);
    expect(text).toContain('\r\nAllow: GET, HEAD\r\n');
    expect(seen).toEqual([]);
    expect(refused).toEqual([405]);
  });
});

describe('a request', () => {
  test('with 256 ranges fits into the header limit', async () => {
    const ranges = Array.from({ length: 256 }, (_, index) => `${index * 1_000_000_000}-${index * 1_000_000_000 + 999}`);
    const connection = await dial(await open());
    connection.send(`GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=${ranges.join()}\r\n\r\n`);
    expect(await connection.until('you asked')).toContain('200 OK');
  });

  test.each([
    ['GET', 'Content-Length: 24\r\n\r\nGET /hidden HTTP/1.1\r\n\r\n'],
    ['HEAD', 'Transfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n'],
  ])('%s with a body is answered, and its connection closed', async (method, rest) => {
    const text = await exchange(`${method} /a HTTP/1.1\r\nHost: x\r\n${rest}GET /b HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(statuses(text)).toEqual(['200']);
    expect(text).toMatch(/\r\nConnection: close\r\n/);
    expect(seen).toEqual([`${method} /a`]);
  });

  test('that asks for an upgrade is answered in HTTP/1.1', async () => {
    const connection = await dial(await open());
    const upgrade = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__';
    connection.send(`GET /a HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n\r\n`);
    expect(await connection.until('you asked for /a')).toContain('200 OK');
  });

  test('that expects 100 gets it when a body is welcome, else the answer at once', async () => {
    const listener = await open();
    const head = 'HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n';
    const post = await dial(listener);
    post.send(`POST /a ${head}`);
    expect(await post.until('you asked for /a')).toContain('100 Continue');
    const get = await dial(listener);
    get.send(`GET /b ${head}`);
    expect(await get.until('you asked for /b')).not.toContain('100 Continue');
  });

  test('of HTTP/1.0 needs no Host', async () => {
    expect(statuses(await exchange('GET / HTTP/1.0\r\n\r\n'))).toEqual(['200']);
  });

  test('that is pipelined begins when the one before it has ended, and answers keep their order', async () => {
    const gate = Promise.withResolvers<void>();
    const listener = await open((request, response) => {
      if (request.url === '/1') whenOpen(gate.promise, () => response.end('one'));
      else response.end('two');
    });
    const connection = await dial(listener);
    connection.send('GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n');
    const other = await dial(listener);
    other.send('GET /3 HTTP/1.1\r\nHost: x\r\n\r\n');
    await other.until('two');
    expect(seen).toEqual(['GET /1', 'GET /3']);
    gate.resolve();
    expect(await connection.until('two')).toMatch(/one[^]*two/);
  });

  test('that is malformed behind a good one ends the connection without a word into its answer', async () => {
    const listener = await open(
      (_request, response) => void response.writeHead(200, { 'content-length': 10 }).write('12345'),
    );
    const connection = await dial(listener);
    connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await connection.until('12345');
    connection.send('nonsense\r\n\r\n');
    const { text } = await connection.closed();
    expect(text).toMatch(/\r\n\r\n12345$/);
    expect(refused).toEqual([400]);
  });

  test('with a malformed body is refused while nothing is answered yet', async () => {
    const connection = await dial(await open((request) => void request.resume()));
    connection.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n');
    expect(statuses((await connection.closed()).text)).toEqual(['400']);
  });
});

describe('a slow client', () => {
  const limits = { headersTimeout: 200, requestTimeout: 400, checkInterval: 50, keepAliveTimeout: 300 };

  test.each([
    ['says nothing', ''],
    ['sends half a head', 'GET / HTTP/1.1\r\nHost: x\r\nA: '],
    ['sends half a body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab'],
  ])('that %s is told 408 and closed', async (_name, bytes) => {
    const connection = await dial(await open((request) => void request.resume(), { limits }));
    connection.send(bytes);
    expect(statuses((await connection.closed()).text)).toEqual(['408']);
    expect(refused).toEqual([408]);
  });

  test('that drips its head is closed however often it sends', async () => {
    const connection = await dial(await open(undefined, { limits }));
    const drip = setInterval(() => connection.send('a'), 20);
    connection.send('GET /');
    expect(statuses((await connection.closed()).text)).toEqual(['408']);
    clearInterval(drip);
  });

  test('that keeps its connection without using it is closed', async () => {
    const connection = await dial(await open(undefined, { limits: { ...limits, keepAliveTimeout: 50 } }));
    connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const { text } = await connection.closed();
    expect(statuses(text)).toEqual(['200']);
  });

  test('that pipelines and reads nothing is closed, and held no more than a few answers', async () => {
    const body = Buffer.alloc(256 * 1024);
    const listener = await open((_request, response) => void response.end(body), { limits: { idleTimeout: 200 } });
    const connection = await dial(listener);
    connection.socket.pause();
    connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(500));
    await expect.poll(() => seen.length).toBeGreaterThan(1);
    connection.socket.on('close', () => {});
    await listener.drain(60_000);
    expect(seen.length).toBeLessThan(100);
  });

  test('is one of 500, and the others are served at once; all 500 go', { timeout: 60_000 }, async () => {
    const listener = await open(undefined, { limits: { ...limits, headersTimeout: 1500, requestTimeout: 1500 } });
    const slow = await Promise.all(Array.from({ length: 500 }, () => dial(listener)));
    for (const connection of slow) connection.send('GET / HTTP/1.1\r\nHost: x\r\nA: b');
    const quick = await dial(listener);
    quick.send('GET /quick HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(await quick.until('you asked for /quick')).toContain('200');
    const ends = await Promise.all(slow.map((connection) => connection.closed()));
    expect(new Set(ends.flatMap(({ text }) => statuses(text)))).toEqual(new Set(['408']));
  });
});

describe('listening', () => {
  test('on port 0 tells the real one', async () => {
    const listener = await open();
    expect(listener.port).toBeGreaterThan(0);
    expect(listener.address).toBe(`127.0.0.1:${listener.port}`);
  });

  test('on IPv6 has an address that can be listened on again', async () => {
    const listener = await open(undefined, { address: '[::1]:0' });
    expect(listener.address).toBe(`[::1]:${listener.port}`);
    const again = openListener({ address: listener.address, log: silentLogger, onRequest: () => {} });
    await expect(again).rejects.toMatchObject({ code: 'listen_failed' });
  });

  test('on a port that is taken names the address and the reason', async () => {
    const { address } = await open();
    await expect(open(undefined, { address })).rejects.toMatchObject({
      code: 'listen_failed',
      message: `cannot listen on ${address}: the address is in use by another process (EADDRINUSE)`,
    });
  });

  test.each(['8080', ':8080', '::1:8080', 'host:99999', 'host:', '[::1]', 'a b:1', ''])(
    'on %j is refused',
    async (address) => {
      await expect(open(undefined, { address })).rejects.toMatchObject({ code: 'listen_failed' });
    },
  );

  test('on an address that is not ours says so', async () => {
    await expect(open(undefined, { address: '192.0.2.1:0' })).rejects.toThrow('EADDRNOTAVAIL');
  });

  test('turns away more than the allowed number of connections', async () => {
    const listener = await open(undefined, { limits: { maxConnections: 2 } });
    const [first] = [await dial(listener), await dial(listener)];
    const third = await dial(listener);
    expect((await third.closed()).text).toBe('');
    first?.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await first?.until('you asked');
  });
});

describe('a Unix socket', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'listener-'));
    path = join(folder, 'admin.sock');
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('serves, for its owner and group, and is removed by draining', async () => {
    const listener = await open(undefined, { address: path });
    expect(listener).toMatchObject({ address: path, port: null });
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    const connection = await dial(listener);
    connection.send('GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect((await connection.closed()).text).toContain('you asked for /a');
    await listener.drain(0);
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  test('that a killed process left behind is taken over', async () => {
    // A server that forgets its file, as SIGKILL makes it: the name is moved away while it closes.
    const dead = createServer().listen(path);
    await once(dead, 'listening');
    await rename(path, `${path}.kept`);
    dead.close();
    await once(dead, 'close');
    await rename(`${path}.kept`, path);
    const connection = await dial(await open(undefined, { address: path }));
    connection.send('GET /a HTTP/1.1\r\nHost: x\r\n\r\n');
    await connection.until('you asked for /a');
  });

  test('that somebody answers on is left alone', async () => {
    await open(undefined, { address: path });
    await expect(open(undefined, { address: path })).rejects.toThrow('EADDRINUSE');
    const connection = await dial(listeners[0] as Listener);
    connection.send('GET /a HTTP/1.1\r\nHost: x\r\n\r\n');
    await connection.until('you asked for /a');
  });

  test('in the place of a file is refused, and the file kept', async () => {
    await writeFile(path, 'mine');
    await expect(open(undefined, { address: path })).rejects.toMatchObject({ code: 'listen_failed' });
    expect((await stat(path)).size).toBe(4);
  });
});

describe('draining', () => {
  test('closes idle connections and accepts no more, at once', async () => {
    const listener = await open();
    const [used, fresh] = [await dial(listener), await dial(listener)];
    used.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await used.until('you asked');
    await listener.drain(60_000);
    expect((await used.closed()).reset).toBe(false);
    await fresh.closed();
    const late = connect(listener.port ?? 0, '127.0.0.1');
    const [error] = await once(late, 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('lets an open response finish, says that the connection ends, and ends it', async () => {
    const gate = Promise.withResolvers<void>();
    const listener = await open((_request, response) => whenOpen(gate.promise, () => response.end('whole')));
    const connection = await dial(listener);
    connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(() => seen.length).toBe(1);
    const drained = listener.drain(60_000);
    gate.resolve();
    const { text } = await connection.closed();
    expect(text).toMatch(/\r\nConnection: close\r\n[^]*whole$/);
    await drained;
  });

  test('closes a connection after a response whose head had promised to keep it', async () => {
    const gate = Promise.withResolvers<void>();
    const listener = await open((_request, response) => {
      response.writeHead(200, { 'content-length': 10 }).write('12345');
      whenOpen(gate.promise, () => response.end('67890'));
    });
    const connection = await dial(listener);
    connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await connection.until('12345');
    const drained = listener.drain(60_000);
    gate.resolve();
    expect((await connection.closed()).text).toMatch(/1234567890$/);
    await drained;
  });

  test('does not cut a response that was ended but has not left yet', async () => {
    const body = Buffer.alloc(32 * 1024 * 1024, 'x');
    const listener = await open((_request, response) => void response.end(body));
    const connection = await dial(listener);
    connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await connection.until('HTTP/1.1 200');
    connection.socket.pause();
    const drained = listener.drain(60_000);
    connection.socket.resume();
    const { text } = await connection.closed();
    expect(text.length - text.indexOf('\r\n\r\n') - 4).toBe(body.length);
    await drained;
  });

  test('destroys what is left when its time is up, also when a second call has less', async () => {
    const listener = await open(
      (_request, response) => void response.writeHead(200, { 'content-length': 10 }).write('12345'),
    );
    const connection = await dial(listener);
    connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await connection.until('12345');
    const patient = listener.drain(600_000);
    await listener.drain(20);
    await patient;
    expect((await connection.closed()).text).toMatch(/12345$/);
  });
});

test('a server of Node alone cuts what drain does not: the reason for our own', async () => {
  const body = Buffer.alloc(32 * 1024 * 1024, 'x');
  const server = createHttpServer((_request, response) => void response.end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const connection = await rawConnection(typeof address === 'object' && address ? address.port : 0);
  connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await connection.until('HTTP/1.1 200');
  connection.socket.pause();
  server.close();
  connection.socket.resume();
  expect((await connection.closed()).text.length).toBeLessThan(body.length);
});
