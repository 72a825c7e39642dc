import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { machineDisk, systemDisk } from '../../disk/disk.ts';
import type { fileThreadProgram } from '../../disk/file-thread-program.ts';
import { FileThread, mostPut } from '../../disk/file-thread.ts';
import type { Fetch } from '../../disk/thread-gets.ts';
import { plainGetProgram } from '../../origin/plain/get-program.ts';
import { answer } from '../origin/wire/scripted-server.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { ask, begun, bytes, hub, placeOf, running } from './fetching.ts';
import type { Asked } from './fetching.ts';

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
