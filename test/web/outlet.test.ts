import type { ServerResponse } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { openListener, type Listener } from '../../web/listener.ts';
import { openOutlet } from '../../web/outlet.ts';
import { rawConnection, type RawConnection } from '../support/raw-connection.ts';

let listener: Listener;
afterEach(() => listener.drain(0));

/** A response whose client reads nothing, with more bytes before it than the kernel takes. */
async function blockedResponse(): Promise<{ response: ServerResponse; client: RawConnection }> {
  const arrived = Promise.withResolvers<ServerResponse>();
  listener = await openListener({
    address: '127.0.0.1:0',
    log: silentLogger,
    onRequest: (_request, response) => arrived.resolve(response),
  });
  const client = await rawConnection(listener.port ?? 0);
  client.socket.pause();
  client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const response = await arrived.promise;
  response.write(Buffer.alloc(64 * 1024 * 1024));
  return { response, client };
}

test('an end that the client does not stay for resolves with false', async () => {
  const { response, client } = await blockedResponse();
  const outlet = openOutlet(response, 60_000);
  const ended = outlet.end();
  client.socket.destroy();
  expect(await ended).toBe(false);
  expect(outlet.left).toBe(true);
  expect(await outlet.write(Buffer.from('x'))).toBe(false);
});

test('a write that the client does not stay for resolves with false', async () => {
  const { response, client } = await blockedResponse();
  const written = openOutlet(response, 60_000).write(Buffer.from('x'));
  client.socket.destroy();
  expect(await written).toBe(false);
});

test('leaves no listener on the response when it is detached', async () => {
  const { response, client } = await blockedResponse();
  const counts = (): number[] => ['close', 'timeout', 'error'].map((event) => response.listenerCount(event));
  const before = counts();
  openOutlet(response, 60_000).detach();
  expect(counts()).toEqual(before);
  client.socket.destroy();
});
