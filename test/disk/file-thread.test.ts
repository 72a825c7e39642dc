import { once } from 'node:events';
import fs from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { systemDisk } from '../../disk/disk.ts';
import { proven } from '../../disk/file-facts.ts';
import { fileThreadProgram } from '../../disk/file-thread-program.ts';
import { FileThread, mostPut } from '../../disk/file-thread.ts';
import { failure } from '../support/recorded-files.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test('a file is made whole, stamped as proven, and readable by its group only', async () => {
  await using folder = await temporaryDirectory();
  const path = join(folder.path, 'part');
  expect(await new FileThread().put(path, Buffer.from('some bytes'))).toEqual({ made: true, error: null });
  const { mtimeMs, mode } = await stat(path);
  expect([await readFile(path, 'utf8'), mtimeMs, mode & 0o777 & ~0o640]).toEqual(['some bytes', proven, 0]);
});

test('one that is there is not touched, one without a folder not made', async () => {
  await using folder = await temporaryDirectory();
  const thread = new FileThread();
  const path = join(folder.path, 'part');
  await writeFile(path, 'before');
  expect(await thread.put(path, Buffer.from('after'))).toEqual({ made: false, error: null });
  expect(await readFile(path, 'utf8')).toBe('before');
  expect(await thread.put(join(folder.path, 'no/part'), Buffer.alloc(1))).toMatchObject({
    made: false,
    error: { code: 'ENOENT' },
  });
});

test('of one that cannot be written to the end it is told that there is something, and nothing stays open', async () => {
  await using folder = await temporaryDirectory();
  const { port1, port2 } = new MessageChannel();
  const closed: number[] = [];
  const full = {
    ...fs,
    writeSync: () => {
      throw failure('ENOSPC', 'write');
    },
    closeSync: (fd: number) => {
      closed.push(fd);
      fs.closeSync(fd);
    },
  };
  const workerData = { tray: new SharedArrayBuffer(8), stamp: 0 };
  fileThreadProgram({ parentPort: port2, workerData } as never, full);
  const path = join(folder.path, 'part');
  port1.postMessage([path, 0, 8], []);
  const [failures] = (await once(port1, 'message')) as [unknown];
  port1.close();
  expect(failures).toMatchObject([{ job: 0, made: true, code: 'ENOSPC' }]);
  expect([closed.length, await readdir(folder.path)]).toEqual([1, ['part']]);
});

test('more files than there is room for at a time keep their bytes, which are free as soon as one is told', async () => {
  await using folder = await temporaryDirectory();
  const thread = new FileThread();
  const puts = Array.from({ length: 40 }, async (_, number) => {
    const bytes = Buffer.alloc(mostPut, number);
    const put = await thread.put(join(folder.path, String(number)), bytes);
    bytes.fill(255);
    return put.made;
  });
  expect(await Promise.all(puts)).toEqual(Array.from({ length: 40 }, () => true));
  for (const name of await readdir(folder.path))
    expect((await readFile(join(folder.path, name))).equals(Buffer.alloc(mostPut, Number(name)))).toBe(true);
});

test('a name is given, and why it is not is told', async () => {
  await using folder = await temporaryDirectory();
  const thread = new FileThread();
  const [from, to] = [join(folder.path, 'part'), join(folder.path, 'file')];
  await thread.put(from, Buffer.from('bytes'));
  await thread.rename(from, to);
  expect(await readdir(folder.path)).toEqual(['file']);
  await expect(thread.rename(from, to)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('when the thread ends by itself what it had fails, and nothing more is given to it', async () => {
  await using folder = await temporaryDirectory();
  const thread = new FileThread({ program: ({ parentPort }) => void parentPort?.on('message', () => process.exit(3)) });
  const path = join(folder.path, 'part');
  const [one, other] = await Promise.all([thread.put(path, Buffer.alloc(1)), thread.rename(path, path).catch(String)]);
  expect(one).toMatchObject({ made: true, error: { code: 'EIO' } });
  expect(other).toMatch(/the thread that writes files has ended/);
  thread.begin();
  expect(thread.ready).toBe(false);
  expect(await thread.put(path, Buffer.alloc(1))).toMatchObject({ error: { code: 'EIO' } });
});

test('one that has nothing to do ends, and another is begun when there is more', async () => {
  await using folder = await temporaryDirectory();
  const thread = new FileThread({ patience: 10 });
  for (const name of ['one', 'other']) {
    expect(await thread.put(join(folder.path, name), Buffer.alloc(1))).toEqual({ made: true, error: null });
    while (thread.ready) await sleep(5);
  }
  expect(await readdir(folder.path)).toEqual(['one', 'other']);
});

test('one that was begun is ready when it runs, not before, and ends when it is given nothing', async () => {
  const thread = new FileThread({ patience: 10 });
  thread.begin();
  expect(thread.ready).toBe(false);
  while (!thread.ready) await sleep(5);
  while (thread.ready) await sleep(5);
});

test('the disk puts many files down whole and stamped, before the thread runs, while it begins, and after', async () => {
  await using folder = await temporaryDirectory();
  const put = (name: number) => systemDisk.putPart(join(folder.path, String(name)), Buffer.from('bytes'));
  const puts = await Promise.all(Array.from({ length: 50 }, (_, number) => put(number)));
  puts.push(...(await Promise.all(Array.from({ length: 50 }, (_, number) => put(50 + number)))));
  expect(puts.every(({ made, error }) => made && error === null)).toBe(true);
  const made = (await readdir(folder.path)).map((name) => join(folder.path, name));
  expect(made).toHaveLength(100);
  for (const path of made)
    expect([await readFile(path, 'utf8'), (await stat(path)).mtimeMs]).toEqual(['bytes', proven]);
});

test('the disk puts large files down by itself, and tells the same', async () => {
  await using folder = await temporaryDirectory();
  const bytes = Buffer.alloc(mostPut + 1, 7);
  const path = join(folder.path, 'part');
  expect(await systemDisk.putPart(path, bytes)).toEqual({ made: true, error: null });
  expect([(await readFile(path)).equals(bytes), (await stat(path)).mtimeMs]).toEqual([true, proven]);
  expect(await systemDisk.putPart(path, bytes)).toEqual({ made: false, error: null });
  await systemDisk.syncFile(path);
  await expect(systemDisk.syncFile(join(folder.path, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
});
