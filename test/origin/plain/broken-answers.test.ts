import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { PlainFailure } from '../../../base/plain-get.ts';
import { answer, ScriptedServer } from '../wire/scripted-server.ts';
import { closed, Gets } from './gets.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => vi.useRealTimers());

const body = 'some bytes';

function head(status: string, ...fields: readonly string[]): string {
  return `${[status, ...fields].join('\r\n')}\r\n\r\n`;
}

const ok = 'HTTP/1.1 200 OK';
const length = `Content-Length: ${body.length}`;

describe('an unusual answer', () => {
  test.each<[PlainFailure, string, string]>([
    ['missing', '404', head('HTTP/1.1 404 Not Found', 'Content-Length: 0')],
    ['missing', '410', head('HTTP/1.1 410 Gone', 'Content-Length: 3') + 'any'],
    ['refused', 'a redirect', head('HTTP/1.1 301 Moved', 'Location: /b', 'Content-Length: 0')],
    ['refused', '401', head('HTTP/1.1 401 Unauthorized', 'WWW-Authenticate: Basic', 'Content-Length: 0')],
    ['refused', '500', head('HTTP/1.1 500 Oops', length) + body],
    ['refused', 'a part', head('HTTP/1.1 206 Partial Content', 'Content-Range: bytes 0-9/10', length) + body],
    ['refused', '304', head('HTTP/1.1 304 Not Modified')],
    ['refused', '503 of HTTP/1.0', head('HTTP/1.0 503 Busy')],
    ['odd', 'HTTP/1.0', head('HTTP/1.0 200 OK', length) + body],
    ['odd', 'an interim answer', head('HTTP/1.1 103 Early Hints') + head(ok, length) + body],
    ['odd', 'another HTTP', head('HTTP/2 200 OK', length) + body],
    ['odd', 'no HTTP', head('220 ready', length) + body],
    ['odd', 'chunks', `${head(ok, 'Transfer-Encoding: chunked')}a\r\n${body}\r\n0\r\n\r\n`],
    ['odd', 'chunks with a length', head(ok, length, 'transfer-encoding: chunked') + body],
    ['odd', 'a coding', head(ok, length, 'Content-Encoding: gzip') + body],
    ['odd', 'no length', head(ok) + body],
    ['odd', 'a length twice', head(ok, length, length) + body],
    ['odd', 'two lengths', head(ok, length, 'content-length: 5') + body],
    ['odd', 'a list of lengths', head(ok, 'Content-Length: 10, 10') + body],
    ['odd', 'a length with a sign', head(ok, 'Content-Length: +10') + body],
    ['odd', 'a length of other digits', head(ok, 'Content-Length: 0xa') + body],
    ['odd', 'a length without digits', head(ok, 'Content-Length:') + body],
    ['odd', 'a length with a space before its colon', head(ok, 'Content-Length : 10') + body],
    ['odd', 'a length in a line that goes on', head(ok, 'X: y', ' Content-Length: 10') + body],
    ['wrong', 'a smaller length', head(ok, 'Content-Length: 9') + body.slice(1)],
    ['wrong', 'a larger length', head(ok, 'Content-Length: 11') + `${body}!`],
    ['wrong', 'other bytes', head(ok, length) + body.toUpperCase()],
    ['odd', 'a byte too many', `${head(ok, length)}${body}!`],
    ['odd', 'a second answer behind it', (head(ok, length) + body).repeat(2)],
    ['odd', 'a head without end', `${ok}\r\nX: ${'y'.repeat(20_000)}`],
  ])('is %s: %s', async (failure, _name, bytes) => {
    await using server = await ScriptedServer.start((socket, _number, connection) =>
      socket.write(connection === 1 ? bytes : answer(body)),
    );
    using gets = new Gets(server.url);
    const end = await gets.get('/', body);
    expect(end).toMatchObject({ failure, date: null, proven: null, put: null });
    expect(end.received).toBeGreaterThan(0);
    expect(end.received).toBeLessThanOrEqual(bytes.length);
    // What else there is on its connection is not an answer to the next one.
    expect(await gets.get('/', body)).toMatchObject({ failure: null, put: Buffer.from(body) });
    expect(server.sockets).toHaveLength(2);
  });
});

describe('a connection that ends', () => {
  const ends: Record<string, (socket: Socket) => void> = {
    closed: (socket) => void socket.end(),
    reset: (socket) => void socket.resetAndDestroy(),
  };

  test.each(Object.keys(ends))('%s unseen by who had kept it: the GET is sent once more, on a new one', async (how) => {
    await using server = await ScriptedServer.start((socket, number) => {
      if (number === 1) socket.write(answer(body));
      else ends[how]?.(socket);
    });
    using gets = new Gets(server.url);
    await gets.get('/one', body);
    expect(await gets.get('/other', body)).toMatchObject({ failure: null, put: Buffer.from(body) });
    expect(server.requests.map((request) => request.split(' ')[1])).toEqual(['/one', '/other', '/other']);
  });

  test('again has cut the GET, which is not sent a third time', async () => {
    await using server = await ScriptedServer.start((socket, _number, connection) => {
      if (connection === 1 && server.requests.length === 1) socket.write(answer(body));
      else socket.end();
    });
    using gets = new Gets(server.url);
    await gets.get('/', body);
    expect(await gets.get('/', body)).toMatchObject({ failure: 'cut', received: 0 });
    expect([server.requests.length, server.sockets.length]).toEqual([3, 2]);
  });

  test.each(Object.keys(ends))('%s at the first request has cut it', async (how) => {
    await using server = await ScriptedServer.start((socket) => ends[how]?.(socket));
    using gets = new Gets(server.url);
    expect(await gets.get('/', body)).toMatchObject({ failure: 'cut', received: 0, put: null });
    expect(server.requests).toHaveLength(1);
  });

  test('half-way through an answer has cut it, kept or not', async () => {
    const bytes = answer(body);
    await using server = await ScriptedServer.start((socket, number) => {
      if (number === 1) socket.write(bytes);
      else socket.end(bytes.subarray(0, -1));
    });
    using gets = new Gets(server.url);
    await gets.get('/', body);
    expect(await gets.get('/', body)).toMatchObject({ failure: 'cut', received: bytes.length - 1, put: null });
    expect(server.requests).toHaveLength(2);
  });

  test('with the last byte has cut nothing', async () => {
    await using server = await ScriptedServer.start((socket) => socket.end(answer(body)));
    using gets = new Gets(server.url);
    for (let time = 0; time < 2; time += 1) expect(await gets.get('/', body)).toMatchObject({ failure: null });
  });

  test('before it began has cut the GET', async () => {
    const server = await ScriptedServer.start(() => {});
    await server[Symbol.asyncDispose]();
    using gets = new Gets('http://127.0.0.1:1/');
    expect(await gets.get('/', body)).toMatchObject({ failure: 'cut', received: 0 });
  });
});

describe('a GET', () => {
  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['half of its head', answer(body).subarray(0, 20)],
    ['half of its body', answer(body).subarray(0, -5)],
  ])('of which %s comes is late after two seconds, not before', async (_name, bytes) => {
    await using server = await ScriptedServer.start((socket) => socket.write(bytes));
    using gets = new Gets(server.url);
    const end = gets.get('/', body);
    await vi.waitFor(() => expect(server.requests).toHaveLength(1), { interval: 1 });
    vi.advanceTimersByTime(1999);
    expect(gets.underWay).toBe(1);
    const ending = closed(server.sockets[0]);
    vi.advanceTimersByTime(500);
    expect(gets.underWay).toBe(0);
    expect(await end).toMatchObject({ failure: 'late', put: null });
    await ending;
  });

  test('has its time to itself, also on a connection that is old', async () => {
    await using server = await ScriptedServer.start((socket, number) => {
      if (number === 1) socket.write(answer(body));
    });
    using gets = new Gets(server.url);
    await gets.get('/', body);
    vi.advanceTimersByTime(4000);
    const end = gets.get('/', body);
    vi.advanceTimersByTime(1750);
    server.sockets[0]?.write(answer(body));
    expect(await end).toMatchObject({ failure: null });
  });

  test('is cut with all others at once, and what rests is closed', async () => {
    await using server = await ScriptedServer.start((socket, _number, connection) => {
      if (connection === 1) socket.write(answer(body));
    });
    using gets = new Gets(server.url);
    await gets.get('/', body);
    const ends = Array.from({ length: 3 }, () => gets.get('/', body));
    await vi.waitFor(() => expect(server.sockets).toHaveLength(3), { interval: 1 });
    await expect(ends[0]).resolves.toMatchObject({ failure: null });
    const ending = server.sockets.map(closed);
    gets.cut();
    expect(gets.underWay).toBe(0);
    expect((await Promise.all(ends)).map(({ failure }) => failure)).toEqual([null, 'cut', 'cut']);
    await Promise.all(ending);
    expect(await gets.get('/', body, { place: 7 })).toMatchObject({ failure: 'odd', received: 0 });
  });
});
