import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { pattern } from '../clients.ts';
import { answer, ScriptedServer } from '../wire/scripted-server.ts';
import { closed, Gets } from './gets.ts';

// How long a GET may take and a connection may rest is told by these; sockets have timers of their own.
beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => vi.useRealTimers());

const body = 'some bytes';
const date = 'Date: Mon, 30 Nov 2026 21:05:31 GMT';

/** Lets what was written arrive. */
async function arrived(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await setImmediate();
}

async function inPieces(socket: Socket, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece);
    await arrived();
  }
}

describe('an answer', () => {
  test('is proven and put, and its bytes are counted', async () => {
    const bytes = answer(body, date);
    await using server = await ScriptedServer.start((socket) => socket.write(bytes));
    using gets = new Gets(server.url);
    expect(await gets.get('/a%20b?c', body)).toEqual({
      failure: null,
      date: 'Mon, 30 Nov 2026 21:05:31 GMT',
      received: bytes.length,
      proven: null,
      put: Buffer.from(body),
    });
    expect(server.requests).toEqual(['GET /a%20b?c HTTP/1.1\r\nHost: hub.example\r\nConnection: keep-alive']);
  });

  test('may come in two pieces, wherever it is split', async () => {
    const bytes = answer(body, date);
    const split = (at: number): Buffer[] => [bytes.subarray(0, at), bytes.subarray(at)];
    await using server = await ScriptedServer.start((socket, number) => void inPieces(socket, split(number)));
    using gets = new Gets(server.url);
    for (let at = 1; at < bytes.length; at += 1)
      expect(await gets.get('/', body), `split at ${at}`).toMatchObject({ failure: null, received: bytes.length });
    expect(server.sockets).toHaveLength(1);
  });

  test('may come byte by byte', async () => {
    const bytes = answer(body);
    await using server = await ScriptedServer.start(
      (socket) =>
        void inPieces(
          socket,
          Array.from(bytes, (byte) => Buffer.of(byte)),
        ),
    );
    using gets = new Gets(server.url);
    expect(await gets.get('/', body)).toMatchObject({ failure: null, received: bytes.length, put: Buffer.from(body) });
  });

  test('may be of no bytes, and of fields in any spelling', async () => {
    await using server = await ScriptedServer.start((socket) =>
      socket.write('HTTP/1.1 200\r\nx:y\r\ncONTENT-lENGTH:0 \r\n\r\n'),
    );
    using gets = new Gets(server.url);
    expect(await gets.get('/', '')).toMatchObject({ failure: null, put: Buffer.alloc(0) });
  });

  test('may have a head of 16 KiB, and no longer one', async () => {
    const head = (length: number): Buffer => {
      const short = answer(body, 'Fill: ').length - body.length;
      return answer(body, `Fill: ${'x'.repeat(length - short)}`);
    };
    const longest = 16 * 1024;
    await using server = await ScriptedServer.start((socket, number) => socket.write(head(longest + number - 1)));
    using gets = new Gets(server.url);
    expect(await gets.get('/', body)).toMatchObject({ failure: null, put: Buffer.from(body) });
    expect(await gets.get('/', body)).toMatchObject({ failure: 'odd', put: null });
  });

  test('that cannot be put brings its proven bytes, which the next one leaves alone', async () => {
    const [first, second] = [pattern(5000), Buffer.alloc(5000, 7)];
    await using server = await ScriptedServer.start((socket, number) =>
      socket.write(answer(number === 1 ? first : second)),
    );
    using gets = new Gets(server.url);
    gets.full = true;
    const end = await gets.get('/', first);
    gets.full = false;
    expect(await gets.get('/', second)).toMatchObject({ failure: null, put: second });
    expect(end).toMatchObject({ failure: 'unputtable', put: null });
    expect(end.proven?.equals(first)).toBe(true);
    expect(server.sockets).toHaveLength(1);
  });

  test('tells its own date when that is another than that of the one before', async () => {
    const kept = 'Date: one\r\nAge: 7';
    const dates = ['Date: one', 'Date: one', 'Date: two', 'Date:  two ', 'X: y', 'Date: two', kept, 'Date: two'];
    await using server = await ScriptedServer.start((socket, number) =>
      socket.write(answer(body, dates[number - 1] ?? '')),
    );
    using gets = new Gets(server.url);
    const told: (string | null)[] = [];
    for (const _ of dates) told.push((await gets.get('/', body)).date);
    expect(told).toEqual(['one', null, 'two', null, null, 'two', null, 'two']);
  });
});

describe('a connection', () => {
  test('serves one GET after another, of larger and smaller files', async () => {
    const files = [10, 200_000, 5, 150_000, 300_000, 4].map(pattern);
    await using server = await ScriptedServer.start((socket, number) =>
      socket.write(answer(files[number - 1] ?? Buffer.alloc(0))),
    );
    using gets = new Gets(server.url);
    for (const file of files) {
      const { failure, put } = await gets.get('/', file);
      expect([failure, put?.equals(file)]).toEqual([null, true]);
    }
    expect(server.sockets).toHaveLength(1);
  });

  test('is one for each GET at a time, and those serve the next ones', async () => {
    await using server = await ScriptedServer.start((socket) => socket.write(answer(body)));
    using gets = new Gets(server.url);
    for (let round = 0; round < 3; round += 1) {
      const ends = await Promise.all(Array.from({ length: 4 }, () => gets.get('/', body)));
      expect(ends.map(({ failure }) => failure)).toEqual([null, null, null, null]);
    }
    expect(server.sockets).toHaveLength(4);
  });

  test.each([
    ['Connection: close', 2],
    ['Connection: close, x', 2],
    ['connection:  Keep-Alive', 2],
    ['Connection: Keep-Alive', 1],
    ['Keep-Alive: timeout=5', 1],
  ])('after an answer with "%s" there are %d for two GETs', async (field, connections) => {
    await using server = await ScriptedServer.start((socket) => socket.write(answer(body, field)));
    using gets = new Gets(server.url);
    for (let time = 0; time < 2; time += 1) expect(await gets.get('/', body)).toMatchObject({ failure: null });
    expect(server.sockets).toHaveLength(connections);
  });

  test('that rests is closed after five seconds, not before', async () => {
    // It rests from the end of a GET, which may have taken its time.
    await using server = await ScriptedServer.start((socket) => {
      vi.advanceTimersByTime(1750);
      socket.write(answer(body));
    });
    using gets = new Gets(server.url);
    for (let time = 0; time < 2; time += 1) {
      await gets.get('/', body);
      vi.advanceTimersByTime(4750);
    }
    expect(server.sockets).toHaveLength(1);
    const ending = closed(server.sockets[0]);
    vi.advanceTimersByTime(500);
    await ending;
    expect(await gets.get('/', body)).toMatchObject({ failure: null });
    expect(server.sockets).toHaveLength(2);
  });

  test('that brings bytes which nobody asked for is closed', async () => {
    await using server = await ScriptedServer.start((socket, _number, connection) => {
      if (connection === 1) void inPieces(socket, [answer(body), Buffer.from('HTTP/1.1 200 OK\r\n')]);
      else socket.write(answer(body));
    });
    using gets = new Gets(server.url);
    expect(await gets.get('/', body)).toMatchObject({ failure: null });
    await closed(server.sockets[0]);
    expect(await gets.get('/', body)).toMatchObject({ failure: null });
    expect(server.sockets).toHaveLength(2);
  });

  test('that was closed while it rested is not used again', async () => {
    await using server = await ScriptedServer.start((socket) => socket.write(answer(body)));
    using gets = new Gets(server.url);
    await gets.get('/', body);
    const ending = closed(server.sockets[0]);
    server.sockets[0]?.end();
    await ending;
    expect(await gets.get('/', body)).toMatchObject({ failure: null });
    expect([server.sockets.length, server.requests.length]).toEqual([2, 2]);
  });
});
