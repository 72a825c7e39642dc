import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OpenFile } from '../../disk/open-file.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { everythingClosed } from '../cache/pieces.ts';

test('a closed file is not read from, whichever file has its descriptor now', async () => {
  await using folder = await temporaryDirectory();
  const [one, other] = [join(folder.path, 'one'), join(folder.path, 'other')];
  await writeFile(one, 'one');
  await writeFile(other, 'other');
  const closed = await OpenFile.open(one, 'read');
  await closed.close();
  const next = await OpenFile.open(other, 'read');
  expect(next.fd).toBe(closed.fd);
  const buffer = Buffer.alloc(5);
  await expect(closed.read(buffer, 0, 5)).rejects.toMatchObject({ code: 'EBADF' });
  // Closing it again does not close the other.
  await closed.close();
  expect(await next.read(buffer, 0, 5)).toBe(5);
  await next.close();
  await everythingClosed(folder.path);
});

test('a file that is closed while it is read is closed when that is done', async () => {
  await using folder = await temporaryDirectory();
  const path = join(folder.path, 'file');
  await writeFile(path, Buffer.alloc(100_000, 'x'));
  const file = await OpenFile.open(path, 'read');
  const reading = Array.from({ length: 20 }, () => file.read(Buffer.alloc(100_000), 0, 100_000));
  await file.close();
  expect(await Promise.all(reading)).toEqual(Array<number>(20).fill(100_000));
  await everythingClosed(folder.path);
});

test('many chunks, empty ones among them, are written where they belong', async () => {
  await using folder = await temporaryDirectory();
  const file = await OpenFile.open(join(folder.path, 'file'), 'make');
  const chunks = Array.from({ length: 3000 }, (_, at) => Buffer.alloc(at % 7, at));
  const bytes = Buffer.concat(chunks);
  await file.write(chunks, 10);
  const read = Buffer.alloc(bytes.length);
  expect(await file.read(read, 10, read.length)).toBe(bytes.length);
  expect(read.equals(bytes)).toBe(true);
  await file.sync();
  await file.close();
});
