import { hash } from 'node:crypto';
import { join } from 'node:path';
import type { PlainEnd, PlainPlace } from '../../base/plain-get.ts';
import { FileThread } from '../../disk/file-thread.ts';
import type { Fetch } from '../../disk/thread-gets.ts';
import { plainGetProgram } from '../../origin/plain/get-program.ts';
import { pattern } from '../origin/clients.ts';
import { answer, ScriptedServer } from '../origin/wire/scripted-server.ts';

/** What a hub gives. */
export const bytes = pattern(30_000);

/** A server that answers each request, but those of /silent. */
export async function hub(): Promise<ScriptedServer> {
  const server = await ScriptedServer.start((socket) => {
    if (!target(server).includes('silent')) socket.write(answer(bytes, 'Date: today'));
  });
  return server;
}

function target({ requests }: ScriptedServer): string {
  return requests.at(-1)?.split(' ')[1] ?? '';
}

export function placeOf({ url }: ScriptedServer): PlainPlace {
  const { hostname: host, port } = new URL(url);
  return { host, port: Number(port), secure: false, fields: 'Host: hub.example\r\n\r\n' };
}

/** What can fetch: a thread, or a disk. */
type Fetching = (fetch: Fetch) => boolean;

export interface Asked {
  readonly isBegun: boolean;
  /** How often an end was told. */
  told: number;
  readonly end: Promise<PlainEnd>;
}

/** Has a file fetched, which is listed to have such bytes. */
export function ask(fetching: Fetching, place: PlainPlace, path: string, { name = '/', listed = bytes } = {}): Asked {
  const { promise: end, resolve } = Promise.withResolvers<PlainEnd>();
  const fetched = (told: PlainEnd): void => {
    asked.told += 1;
    resolve(told);
  };
  const request = { place, target: name, source: name, ended: () => {} };
  const sha256 = hash('sha256', listed, 'hex');
  const isBegun = fetching({ path, request, size: listed.length, sha256, fetched });
  const asked: Asked = { isBegun, told: 0, end };
  return asked;
}

/** A thread that runs. It is begun by a put, after which it runs for its patience at least. */
export async function running(
  folder: string,
  options: ConstructorParameters<typeof FileThread>[0] = {},
): Promise<{ readonly thread: FileThread; readonly fetching: Fetching }> {
  const thread = new FileThread({ getting: plainGetProgram, ...options });
  await begun(thread, folder);
  return { thread, fetching: (fetch) => thread.fetch(fetch) };
}

/** Begins a thread, or another one after it. */
export async function begun(thread: FileThread, folder: string): Promise<void> {
  await thread.put(join(folder, 'beginning'), Buffer.alloc(1));
}
