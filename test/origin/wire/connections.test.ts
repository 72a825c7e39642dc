import { setTimeout as after } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { bytesOf, failureOf, pattern, TestClient } from '../clients.ts';
import { answer, ScriptedServer } from './scripted-server.ts';

function clientOf(server: ScriptedServer, idleTimeout = 15_000): TestClient {
  return new TestClient({ urls: [server.url] }, { idleTimeout });
}

async function text(client: TestClient, server: ScriptedServer): Promise<string> {
  return (await bytesOf(await client.found(`${server.url}f`))).toString('latin1');
}

describe('a connection that was kept', () => {
  test('is used again, and no second one made', async () => {
    await using server = await ScriptedServer.start((socket, number) => socket.write(answer(`${number}`)));
    await using client = clientOf(server);
    for (const number of ['1', '2', '3']) expect(await text(client, server)).toBe(number);
    expect(server.sockets.length).toBe(1);
  });

  test.each(['end', 'destroy', 'resetAndDestroy'] as const)(
    'and is closed by the next request (%s) has that asked again at once, on a new one',
    async (how) => {
      await using server = await ScriptedServer.start((socket, number, connection) => {
        if (number === 1) socket.write(answer(`${connection}`));
        else socket[how]();
      });
      await using client = clientOf(server);
      expect(await text(client, server)).toBe('1');
      expect(await text(client, server)).toBe('2');
      expect(server.requests.length).toBe(3);
    },
  );

  test('is asked again once, not for ever, and never on another kept one', async () => {
    let broken = false;
    await using server = await ScriptedServer.start((socket) => {
      if (broken) socket.destroy();
      else setTimeout(() => socket.write(answer('x')), 20);
    });
    await using client = clientOf(server);
    await Promise.all([text(client, server), text(client, server), text(client, server)]);
    broken = true;
    expect((await failureOf(client.get(`${server.url}f`))).code).toBe('upstream_cut');
    expect(server.requests.length).toBe(5);
  });

  test('and breaks off inside a head is not asked again', async () => {
    await using server = await ScriptedServer.start((socket, number) => {
      if (number === 1) socket.write(answer('x'));
      else socket.end('HTTP/1.1 2');
    });
    await using client = clientOf(server);
    await text(client, server);
    expect((await failureOf(client.get(`${server.url}f`))).code).toBe('upstream_cut');
    expect(server.requests.length).toBe(2);
  });

  test('a new one that closes without an answer is not asked again', async () => {
    await using server = await ScriptedServer.start((socket) => socket.destroy());
    await using client = clientOf(server);
    expect((await failureOf(client.get(`${server.url}f`))).code).toBe('upstream_cut');
    expect(server.requests.length).toBe(1);
  });

  test('is given up when bytes come that nobody asked for', async () => {
    await using server = await ScriptedServer.start((socket, _number, connection) => {
      socket.write(answer(`${connection}`));
      setTimeout(() => socket.write(answer('smuggled')), 10);
    });
    await using client = clientOf(server);
    expect(await text(client, server)).toBe('1');
    await after(60);
    expect(await text(client, server)).toBe('2');
  });

  test('is not kept when bytes came behind the end', async () => {
    await using server = await ScriptedServer.start((socket, _number, connection) => {
      socket.write(Buffer.concat([answer(`${connection}`), answer('smuggled')]));
    });
    await using client = clientOf(server);
    expect([await text(client, server), await text(client, server)]).toEqual(['1', '2']);
  });

  test.each([
    ['the connection closes', 'Connection: close'],
    ['it would be closed before it is used', 'Keep-Alive: timeout=2'],
  ])('is not kept when %s', async (_name, field) => {
    await using server = await ScriptedServer.start((socket, _number, connection) => {
      socket.write(answer(`${connection}`, field));
    });
    await using client = clientOf(server);
    expect([await text(client, server), await text(client, server)]).toEqual(['1', '2']);
  });

  test('is closed when it was idle for less than the other side says', async () => {
    await using server = await ScriptedServer.start((socket, _number, connection) => {
      socket.write(answer(`${connection}`, 'Keep-Alive: timeout=3, max=100'));
    });
    await using client = clientOf(server);
    expect(await text(client, server)).toBe('1');
    await after(700);
    expect(await text(client, server)).toBe('1');
    await after(1300);
    expect(await text(client, server)).toBe('2');
  });
});

test('no more than 64 connections are made; who came first is served first', async () => {
  await using server = await ScriptedServer.start((socket, number, connection) => {
    setTimeout(() => socket.write(answer(`${connection}`)), number === 1 ? 100 : 0);
  });
  await using client = clientOf(server);
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      await text(client, server);
      order.push(index);
    }),
  );
  expect(server.sockets.length).toBe(64);
  const late = order.filter((index) => index >= 64);
  expect(late).toEqual(late.toSorted((one, other) => one - other));
});

test('an IPv6 address is asked by its address', async () => {
  await using server = await ScriptedServer.start((socket) => socket.write(answer('six')), '::1');
  await using client = clientOf(server);
  expect(await text(client, server)).toBe('six');
  expect(server.requests[0]).toContain(`host: ${new URL(server.url).host}`);
});

describe('a body that is paused', () => {
  const size = 32 * 1024 * 1024;
  const largeServer = (): Promise<ScriptedServer> => {
    const body = answer(pattern(size));
    return ScriptedServer.start((socket) => socket.write(body));
  };
  /** Node gives a long write to the system in one piece: it is done when all of it has gone. */
  const leftToSend = (server: ScriptedServer): number => server.sockets[0]?.writableLength ?? 0;

  test('is not read before anybody wants it', async () => {
    await using server = await largeServer();
    await using client = clientOf(server);
    const transfer = await client.found(`${server.url}f`);
    await after(150);
    expect(leftToSend(server)).toBeGreaterThan(0);
    expect((await bytesOf(transfer)).length).toBe(size);
  });

  test('is not read on while the sink is busy with a chunk in its midst', async () => {
    await using server = await largeServer();
    await using client = clientOf(server);
    const transfer = await client.found(`${server.url}f`);
    let [received, chunks, during] = [0, 0, 0];
    const gate = Promise.withResolvers<void>();
    const done = transfer.consume((chunk) => {
      received += chunk.length;
      chunks++;
      if (chunks > 5) during += chunk.length;
      return chunks === 5 ? gate.promise : undefined;
    });
    await after(150);
    expect(during).toBe(0);
    expect(leftToSend(server)).toBeGreaterThan(0);
    gate.resolve();
    await done;
    expect(received).toBe(size);
  });

  test('is not timed out, and goes on', async () => {
    const body = pattern(3_000_000);
    await using server = await ScriptedServer.start((socket) => socket.write(answer(body)));
    await using client = clientOf(server, 100);
    const chunks: Buffer[] = [];
    let pauses = 0;
    await (
      await client.found(`${server.url}f`)
    ).consume(async (chunk) => {
      chunks.push(chunk);
      if (pauses++ < 2) await after(250);
    });
    expect(Buffer.concat(chunks).equals(body)).toBe(true);
  });

  test('is timed out when nothing comes after it goes on', async () => {
    await using server = await ScriptedServer.start((socket) => {
      socket.write(answer(pattern(3_000_000)).subarray(0, 2_000_000));
    });
    await using client = clientOf(server, 150);
    let pauses = 0;
    const transfer = await client.found(`${server.url}f`);
    const failure = await failureOf(
      transfer.consume(async () => {
        if (pauses++ < 2) await after(200);
      }),
    );
    expect(failure.code).toBe('upstream_timeout');
  });

  test('leaves its connection fit for the next when it ended meanwhile', async () => {
    await using server = await ScriptedServer.start((socket, _number, connection) => {
      socket.write(answer(`${connection}`.repeat(200_000)));
    });
    await using client = clientOf(server);
    for (let time = 0; time < 3; time++) {
      const chunks: Buffer[] = [];
      await (
        await client.found(`${server.url}f`)
      ).consume(async (chunk) => {
        chunks.push(chunk);
        await after(2);
      });
      expect(Buffer.concat(chunks).length).toBe(200_000);
    }
    expect(server.sockets.length).toBe(1);
  });
});

describe('what is called off', () => {
  test('while it waits for a connection never leaves', async () => {
    await using server = await ScriptedServer.start(() => {});
    await using client = clientOf(server);
    const stop = new AbortController();
    const all = Array.from({ length: 70 }, () => client.get(`${server.url}f`, {}, stop.signal));
    const ended = Promise.allSettled(all);
    while (server.requests.length < 64) await after(5);
    stop.abort(new Error('enough'));
    expect((await ended).every((each) => each.status === 'rejected')).toBe(true);
    await after(50);
    expect(server.requests.length).toBe(64);
    expect(server.sockets.slice(0, 64).every((socket) => socket.destroyed)).toBe(true);
  });

  test('inside a head, and inside a body, cuts the connection', async () => {
    for (const sent of ['HTTP/1.1 200 OK\r\nContent-', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe']) {
      await using server = await ScriptedServer.start((socket) => socket.write(sent));
      await using client = clientOf(server);
      const stop = new AbortController();
      const asked = client
        .get(`${server.url}f`, {}, stop.signal)
        .then((found) => (found.kind === 'found' ? bytesOf(found.transfer) : null));
      while (server.requests.length < 1) await after(5);
      await after(20);
      stop.abort(new Error('enough'));
      await expect(asked).rejects.toThrow('enough');
      while (server.sockets[0]?.destroyed === false) await after(5);
    }
  });

  test('by the end of the client has every request fail', async () => {
    await using server = await ScriptedServer.start(() => {});
    const client = clientOf(server);
    const all = Array.from({ length: 70 }, () => failureOf(client.get(`${server.url}f`)));
    while (server.requests.length < 64) await after(5);
    await client[Symbol.asyncDispose]();
    expect(new Set((await Promise.all(all)).map(({ code }) => code))).toEqual(new Set(['upstream_unreachable']));
  });
});
