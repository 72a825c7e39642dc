import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { CertificateAuthority } from '../support/faulty-origin-certificates.ts';
import * as lies from '../support/faulty-origin.ts';
import { FaultyOrigin, Gate } from '../support/faulty-origin.ts';

const bytes = Buffer.from('0123456789abcdefghij');
let origin: FaultyOrigin;
let agent: Agent;

beforeAll(async () => {
  origin = await FaultyOrigin.start();
  agent = new Agent({ connections: 1 });
});
afterAll(async () => {
  await agent.destroy();
  await origin.stop();
});
afterEach(() => origin.clear());

function get(path: string, headers: Record<string, string> = {}): ReturnType<typeof request> {
  return request(new URL(path, origin.url), { dispatcher: agent, headers });
}

/** Everything that comes over a plain socket until it closes. */
async function raw(path: string): Promise<string> {
  const socket = connect(origin.port, '127.0.0.1');
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
  let text = '';
  for await (const chunk of socket) text += (chunk as Buffer).toString('latin1');
  return text;
}

describe('an origin without rules is honest', () => {
  beforeAll(() => origin.put('/dir/a b.rpm', bytes));

  test('it serves bytes under any spelling of the path, with length and validators', async () => {
    const answer = await get('/dir/a%20b.rpm');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({ 'content-length': '20', etag: expect.any(String) as string });
    expect(await answer.body.text()).toBe(bytes.toString());
  });

  test('it serves single ranges, and 416 behind the end', async () => {
    const answer = await get('/dir/a%20b.rpm', { range: 'bytes=5-7' });
    expect([answer.statusCode, answer.headers['content-range']]).toEqual([206, 'bytes 5-7/20']);
    expect(await answer.body.text()).toBe('567');
    const behind = await get('/dir/a%20b.rpm', { range: 'bytes=20-' });
    await behind.body.dump();
    expect(behind.statusCode).toBe(416);
  });

  test('it answers 304 to its own validators and 200 to others', async () => {
    const { headers, body } = await get('/dir/a%20b.rpm');
    await body.dump();
    const same = await get('/dir/a%20b.rpm', { 'if-none-match': String(headers['etag']) });
    const other = await get('/dir/a%20b.rpm', { 'if-none-match': '"x"' });
    await other.body.dump();
    expect([same.statusCode, other.statusCode]).toEqual([304, 200]);
  });

  test('it serves a directory and nothing outside of it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'origin-'));
    await writeFile(join(directory, 'f'), bytes);
    await using files = await FaultyOrigin.start({ directory });
    const found = await request(new URL('f', files.url), { headers: { range: 'bytes=-3' } });
    expect(await found.body.text()).toBe('hij');
    const outside = await request(new URL('%2e%2e%2fetc/passwd', files.url));
    await outside.body.dump();
    expect(outside.statusCode).toBe(404);
    await rm(directory, { recursive: true });
  });

  test('it logs each request with its connection, status and bytes', async () => {
    const before = origin.requests.length;
    await (await get('/dir/a%20b.rpm?token=1')).body.dump();
    await (await get('/none')).body.dump();
    const [first, second] = origin.requests.slice(before);
    expect(first).toMatchObject({ path: '/dir/a b.rpm', target: '/dir/a%20b.rpm?token=1', status: 200, sent: 20 });
    expect(second).toMatchObject({ path: '/none', status: 404, connection: first?.connection });
  });
});

describe('an origin lies as its rules say', () => {
  beforeAll(() => origin.put('/f', bytes));

  test('a rule for a number of requests applies to that many', async () => {
    const rule = origin.times(1, '/f', lies.status(503, { 'retry-after': '2' }));
    const codes = [];
    for (const answer of [await get('/f'), await get('/f')]) {
      codes.push([answer.statusCode, answer.headers['retry-after']]);
      await answer.body.dump();
    }
    expect(codes).toEqual([
      [503, '2'],
      [200, undefined],
    ]);
    expect(rule.hits).toBe(1);
  });

  test('a stalled body goes on when its gate opens', async () => {
    const gate = new Gate();
    origin.on('/f', lies.stallAt(10, gate));
    const answer = await get('/f');
    const iterator = answer.body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    expect(String((await iterator.next()).value)).toBe('0123456789');
    await gate.reached;
    gate.open();
    expect(String((await iterator.next()).value)).toBe('abcdefghij');
  });

  test.each([
    ['a body cut at 4', [lies.cutAt(4)], /content-length: 20\r\n[^]*\r\n\r\n0123$/],
    ['a chunked body cut without its last chunk', [lies.chunked(), lies.cutAt(4)], /\r\n\r\n4\r\n0123\r\n$/],
    [
      'a body that ends with the connection',
      [lies.untilClose()],
      /^(?![^]*content-length)[^]*\r\n\r\n0123456789abcdefghij$/,
    ],
    ['a shorter body with its own length', [lies.shorterBy(5)], /content-length: 15\r\n[^]*abcde$/],
    ['a longer body with its own length', [lies.longerBy(2)], /content-length: 22\r\n[^]*ijxx$/],
    ['two lengths', [lies.lengthSays(20, 21)], /content-length: 20\r\ncontent-length: 21\r\n/],
    ['a flipped byte', [lies.flippedAt(3)], /\r\n\r\n0122456789abcdefghij$/],
    ['a portal page', [lies.portalPage()], /^HTTP\/1.1 200 OK[^]*text\/html[^]*accept our terms/],
    ['garbage', [lies.garbage('xyz')], /^xyz$/],
    ['no answer', [lies.noAnswer()], /^$/],
    ['a long header', [lies.oversizedHeader(9)], /x-padding: ppppppppp\r\n/],
    ['a redirect', [lies.redirect('/g', 301)], /^HTTP\/1.1 301 [^]*location: \/g\r\n/],
    ['a false 304', [lies.falseNotModified()], /^HTTP\/1.1 304 [^]*\r\n\r\n$/],
    ['a 206 that nobody asked for', [lies.unaskedPartial(4)], /^HTTP\/1.1 206 [^]*bytes 0-3\/20[^]*\r\n\r\n0123$/],
    ['a wrong encoding', [lies.contentEncodingSays('gzip')], /content-encoding: gzip\r\n[^]*abcdefghij$/],
    ['a slow body', [lies.drip(2000)], /abcdefghij$/],
  ] satisfies [string, lies.Lie[], RegExp][])('%s', async (_name, chosen, expected) => {
    origin.on('/f', ...chosen);
    expect(await raw('/f')).toMatch(expected);
  });

  test('a range can be ignored, and labelled wrongly', async () => {
    origin.times(1, '/f', lies.ignoringRange());
    const whole = await get('/f', { range: 'bytes=5-' });
    expect([whole.statusCode, await whole.body.text()]).toEqual([200, bytes.toString()]);
    origin.times(1, '/f', lies.contentRangeSays('bytes 6-19/20'));
    const wrong = await get('/f', { range: 'bytes=5-' });
    expect([wrong.headers['content-range'], await wrong.body.text()]).toEqual(['bytes 6-19/20', '56789abcdefghij']);
  });

  test('a flipped byte is at the same place of the file when a range is asked', async () => {
    origin.on('/f', lies.flippedAt(6));
    const answer = await get('/f', { range: 'bytes=5-7' });
    expect(await answer.body.text()).toBe('577');
  });

  test('a stopped origin refuses connections until it listens again on the same port', async () => {
    await origin.stop();
    await expect(raw('/f')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await origin.resume();
    expect(await raw('/f')).toMatch(/abcdefghij$/);
  });
});

describe('an origin asks who comes', () => {
  test('without the password it says 401', async () => {
    await using guarded = await FaultyOrigin.start({ basic: { username: 'u', password: 'p' } });
    guarded.put('/f', bytes);
    const ask = async (authorization?: string): Promise<number> => {
      const answer = await request(
        new URL('f', guarded.url),
        authorization === undefined ? {} : { headers: { authorization } },
      );
      await answer.body.dump();
      return answer.statusCode;
    };
    expect(await ask()).toBe(401);
    expect(await ask(`Basic ${Buffer.from('u:p').toString('base64')}`)).toBe(200);
  });

  test('with a client CA only its certificates get in', async () => {
    await using ca = await CertificateAuthority.create();
    const [server, client] = [await ca.issue('origin'), await ca.issue('client')];
    await using closed = await FaultyOrigin.start({ tls: { ...server, clientCa: ca.cert } });
    closed.put('/f', bytes);
    const known = new Agent({ connect: { ca: ca.cert, ...client } });
    const unknown = new Agent({ connect: { ca: ca.cert } });
    const answer = await request(new URL('f', closed.url), { dispatcher: known });
    expect(await answer.body.text()).toBe(bytes.toString());
    await expect(request(new URL('f', closed.url), { dispatcher: unknown })).rejects.toThrow();
    await Promise.all([known.destroy(), unknown.destroy()]);
  });
});
