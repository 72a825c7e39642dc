import { once } from 'node:events';
import { hash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { expect, test, vi } from 'vitest';
import type { PlainEnd, PlainPlace } from '../../base/plain-get.ts';
import { machineDisk, systemDisk } from '../../disk/disk.ts';
import { proven } from '../../disk/file-facts.ts';
import { fileThreadProgram } from '../../disk/file-thread-program.ts';
import { FileThread, mostPut } from '../../disk/file-thread.ts';
import type { Fetch } from '../../disk/thread-gets.ts';
import { plainGetProgram } from '../../origin/plain/get-program.ts';
import { pattern } from '../origin/clients.ts';
import { answer, ScriptedServer } from '../origin/wire/scripted-server.ts';
import { failure } from '../support/recorded-files.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const bytes = pattern(30_000);

/** Answers each request, but those of /silent. */
async function hub() {
  const server = await ScriptedServer.start((socket) => {
    if (!target(server).includes('silent')) socket.write(answer(bytes, 'Date: today'));
  });
  return server;
}

function target({ requests }: ScriptedServer): string {
  return requests.at(-1)?.split(' ')[1] ?? '';
}

function placeOf({ url }: ScriptedServer): PlainPlace {
  const { hostname: host, port } = new URL(url);
  return { host, port: Number(port), secure: false, fields: 'Host: hub.example\r\n\r\n' };
}

/** What can fetch: a thread, or a disk. */
type Fetching = (fetch: Fetch) => boolean;

interface Asked {
  readonly isBegun: boolean;
  /** How often an end was told. */
  told: number;
  readonly end: Promise<PlainEnd>;
}

function ask(fetching: Fetching, place: PlainPlace, path: string, { name = '/', listed = bytes } = {}): Asked {
  const { promise: end, resolve } = Promise.withResolvers<PlainEnd>();
  const fetched = (told: PlainEnd): void => {
    asked.told += 1;
    resolve(told);
  };
  const request = { place, target: name, ended: () => {} };
  const sha256 = hash('sha256', listed, 'hex');
  const isBegun = fetching({ path, request, size: listed.length, sha256, fetched });
  const asked = { isBegun, told: 0, end };
  return asked;
}

/** A thread that runs. It is begun by a put, after which it runs for its patience at least. */
async function running(folder: string, options: ConstructorParameters<typeof FileThread>[0] = {}) {
  const thread = new FileThread({ getting: plainGetProgram, ...options });
  await begun(thread, folder);
  return { thread, fetching: (fetch: Fetch) => thread.fetch(fetch) };
}

async function begun(thread: FileThread, folder: string): Promise<void> {
  await thread.put(join(folder, 'beginning'), Buffer.alloc(1));
}

test('a file is fetched, proven, stamped, and readable by its group only', async () => {
  await using folder = await temporaryDirectory();
  await using server = await hub();
  const { fetching } = await running(folder.path);
  const path = join(folder.path, 'part');
  const asked = ask(fetching, placeOf(server), path);
  const received = answer(bytes, 'Date: today').length;
  expect(await asked.end).toEqual({ failure: null, date: 'today', received, proven: null });
  const { mtimeMs, mode } = await stat(path);
  expect([(await readFile(path)).equals(bytes), mtimeMs, mode & 0o777 & ~0o640]).toEqual([true, proven, 0]);
  expect([asked.isBegun, asked.told]).toEqual([true, 1]);
});

test('of other bytes than are listed nothing is made', async () => {
  await using folder = await temporaryDirectory();
  await using server = await hub();
  const { fetching } = await running(folder.path);
  const asked = ask(fetching, placeOf(server), join(folder.path, 'part'), { listed: Buffer.alloc(bytes.length) });
  expect(await asked.end).toMatchObject({ failure: 'wrong', proven: null });
  expect(await readdir(folder.path)).toEqual(['beginning']);
});

test('many are fetched at a time, beside files that are put, from several places, and each ends once', async () => {
  await using folder = await temporaryDirectory();
  await using one = await hub();
  await using other = await hub();
  const places = [placeOf(one), placeOf(other)] as const;
  const { thread, fetching } = await running(folder.path);
  const all: Asked[] = [];
  for (let round = 0; round < 5; round += 1) {
    const asked = Array.from({ length: 20 }, (_, number) =>
      ask(fetching, places[number % 2 === 0 ? 0 : 1], join(folder.path, `${round}-${number}`)),
    );
    expect(await thread.put(join(folder.path, `put-${round}`), bytes)).toMatchObject({ made: true });
    expect((await Promise.all(asked.map(({ end }) => end))).every((end) => end.failure === null)).toBe(true);
    all.push(...asked);
  }
  expect(all.every(({ told }) => told === 1)).toBe(true);
  expect([one.requests.length, other.requests.length]).toEqual([50, 50]);
  for (const name of await readdir(folder.path))
    if (name !== 'beginning') expect((await readFile(join(folder.path, name))).equals(bytes)).toBe(true);
});

test('a file that is there is not touched, one without a folder not made: their bytes come', async () => {
  await using folder = await temporaryDirectory();
  await using server = await hub();
  const { fetching } = await running(folder.path);
  const place = placeOf(server);
  // That one was made by it says nothing about the next.
  await ask(fetching, place, join(folder.path, 'first')).end;
  await writeFile(join(folder.path, 'part'), 'before');
  for (const path of ['part', 'none/part']) {
    const end = await ask(fetching, place, join(folder.path, path)).end;
    expect([end.failure, end.proven?.equals(bytes)]).toEqual(['unputtable', true]);
  }
  expect(await readdir(folder.path)).toEqual(['beginning', 'first', 'part']);
  expect(await readFile(join(folder.path, 'part'), 'utf8')).toBe('before');
});

test.each(['writeSync', 'futimesSync'])('of one that %s fails for nothing is left', async (call) => {
  await using folder = await temporaryDirectory();
  await using server = await hub();
  const { port1, port2 } = new MessageChannel();
  let calls = 0;
  const full = {
    ...fs,
    // Something of it is written before.
    writeSync: (fd: number, from: Buffer, ...[at = 0, length = 0, position = 0]: number[]) => {
      calls += 1;
      if (call === 'writeSync' && calls > 1) throw failure('ENOSPC', 'write');
      return fs.writeSync(fd, from, at, call === 'writeSync' ? 1000 : length, position);
    },
    futimesSync: () => {
      throw failure('EIO', 'futimes');
    },
  } as unknown as typeof fs;
  const workerData = { tray: new SharedArrayBuffer(8), stamp: 0 };
  const getting = { program: plainGetProgram, load: createRequire(import.meta.url) };
  fileThreadProgram({ parentPort: port2, workerData } as never, full, getting);
  const job = [5, 1, '/', join(folder.path, 'part'), bytes.length, hash('sha256', bytes, 'hex')];
  port1.postMessage({ places: [[1, placeOf(server)]], gets: job, cut: false }, []);
  const [{ ended }] = (await once(port1, 'message')) as [{ ended: unknown[] }];
  port1.close();
  expect(ended.slice(0, 2)).toEqual([5, 'unputtable']);
  expect(bytes.equals(ended[4] as Uint8Array)).toBe(true);
  expect([calls > 0, await readdir(folder.path)]).toEqual([true, []]);
});

test('nothing is fetched before the thread runs, without a program for it, or that is too large for this way', async () => {
  await using folder = await temporaryDirectory();
  await using server = await hub();
  const [place, path] = [placeOf(server), join(folder.path, 'part')];
  const thread = new FileThread({ getting: plainGetProgram });
  const asked = [ask((fetch) => thread.fetch(fetch), place, path)];
  thread.begin();
  asked.push(ask((fetch) => thread.fetch(fetch), place, path));
  const { fetching: without } = await running(folder.path, { getting: null });
  asked.push(ask(without, place, path));
  const { fetching } = await running(folder.path);
  asked.push(ask(fetching, place, path, { listed: Buffer.alloc(mostPut + 1) }));
  expect(asked.map(({ isBegun }) => isBegun)).toEqual([false, false, false, false]);
  // What is allowed still goes, and is the only one that was asked for.
  const largest = ask(fetching, place, path, { listed: Buffer.alloc(mostPut) });
  expect([largest.isBegun, (await largest.end).failure, server.requests.length]).toEqual([true, 'wrong', 1]);
  expect(asked.map(({ told }) => told)).toEqual([0, 0, 0, 0]);
});

test('when the thread ends by itself all that it fetches is lost, and nothing more is begun', async () => {
  await using folder = await temporaryDirectory();
  await using server = await hub();
  const dying: typeof fileThreadProgram = ({ parentPort }) =>
    void parentPort?.on('message', (message) => {
      if ('gets' in message) throw new Error('enough');
      parentPort.postMessage(null, []);
    });
  const { thread, fetching } = await running(folder.path, { program: dying });
  const asked = ['one', 'other'].map((name) => ask(fetching, placeOf(server), join(folder.path, name)));
  expect(asked.map(({ isBegun }) => isBegun)).toEqual([true, true]);
  for (const { end } of asked) expect(await end).toEqual({ failure: 'lost', date: null, received: 0, proven: null });
  expect([thread.ready, ask(fetching, placeOf(server), folder.path).isBegun]).toEqual([false, false]);
  expect(asked.map(({ told }) => told)).toEqual([1, 1]);
});

test('one that fetched and has nothing to do ends, and the next one is told the places anew', async () => {
  await using folder = await temporaryDirectory();
  await using server = await hub();
  const place = placeOf(server);
  const { thread, fetching } = await running(folder.path, { patience: 10 });
  for (const name of ['one', 'other']) {
    const asked = ask(fetching, place, join(folder.path, name));
    expect([asked.isBegun, (await asked.end).failure]).toEqual([true, null]);
    while (thread.ready) await sleep(5);
    await begun(thread, folder.path);
  }
});

test('one that fetches does not end before that', async () => {
  await using folder = await temporaryDirectory();
  await using server = await hub();
  const { fetching } = await running(folder.path, { patience: 10 });
  const asked = ask(fetching, placeOf(server), join(folder.path, 'part'), { name: '/silent' });
  await vi.waitFor(() => expect(server.requests).toHaveLength(1), { interval: 5 });
  // Its patience passes.
  await sleep(50);
  server.sockets[0]?.write(answer(bytes));
  expect(await asked.end).toMatchObject({ failure: null });
});

test('what is fetched is given up when that is asked, sent or not, and what comes afterwards is fetched', async () => {
  await using folder = await temporaryDirectory();
  await using server = await hub();
  const place = placeOf(server);
  const { thread, fetching } = await running(folder.path);
  const asked = [ask(fetching, place, join(folder.path, 'one'), { name: '/silent' })];
  await vi.waitFor(() => expect(server.requests).toHaveLength(1), { interval: 5 });
  asked.push(ask(fetching, place, join(folder.path, 'other'), { name: '/silent' }));
  thread.cutFetches();
  for (const { end } of asked) expect((await end).failure).toBe('cut');
  expect((await ask(fetching, place, join(folder.path, 'part')).end).failure).toBe(null);
  thread.cutFetches();
  expect(asked.map(({ told }) => told)).toEqual([1, 1]);
});

test('a disk that can fetch does so from when it puts many files down, and another one never', async () => {
  await using folder = await temporaryDirectory();
  await using server = await hub();
  const place = placeOf(server);
  const disk = machineDisk(plainGetProgram);
  const fetching = (of: typeof disk) => (fetch: Fetch) => of.fetchPart?.(fetch) ?? false;
  const path = join(folder.path, 'part');
  expect(ask(fetching(disk), place, path).isBegun).toBe(false);
  let asked: Asked | null = null;
  for (let round = 0; asked?.isBegun !== true; round += 1) {
    const names = Array.from({ length: 8 }, (_, number) => join(folder.path, `${round}-${number}`));
    await Promise.all(names.map((name) => disk.putPart(name, bytes)));
    await Promise.all(names.map((name) => systemDisk.putPart(`${name}-other`, bytes)));
    asked = ask(fetching(disk), place, path);
  }
  expect((await asked.end).failure).toBe(null);
  expect(ask(fetching(systemDisk), place, path).isBegun).toBe(false);
  const silent = ask(fetching(disk), place, `${path}-other`, { name: '/silent' });
  disk.cutFetches?.();
  expect((await silent.end).failure).toBe('cut');
});
