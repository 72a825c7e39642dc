import { once } from 'node:events';
import { hash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { proven } from '../../disk/file-facts.ts';
import { fileThreadProgram } from '../../disk/file-thread-program.ts';
import { plainGetProgram } from '../../origin/plain/get-program.ts';
import { answer } from '../origin/wire/scripted-server.ts';
import { failure } from '../support/recorded-files.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { ask, bytes, hub, placeOf, running } from './fetching.ts';
import type { Asked } from './fetching.ts';

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
