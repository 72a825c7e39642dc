import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';

export interface UnixService {
  /** A new directory that holds the socket and nothing else; removed at the end. */
  readonly directory: string;
  readonly socket: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A hono application on a real unix socket. */
export async function unixService(app: Hono): Promise<UnixService> {
  const directory = await mkdtemp(join(tmpdir(), 'waystation-'));
  const socket = join(directory, 'admin.sock');
  const listener = getRequestListener(app.fetch);
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  return {
    directory,
    socket,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}
