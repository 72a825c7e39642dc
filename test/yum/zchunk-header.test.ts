import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { zchunkHeader } from '../../yum/zchunk-header.ts';
import { command } from '../support/command.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, tool } from '../support/tools.ts';

/** A zchunk file by zck itself, and what zck_read_header says of it. */
async function made(text: string): Promise<{ file: Buffer; said: string }> {
  const folder = await temporaryDirectory();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const path = join(folder.path, 'a');
  await writeFile(path, text);
  await command('zck', ['-o', `${path}.zck`, path]);
  return { file: await readFile(`${path}.zck`), said: (await command('zck_read_header', [`${path}.zck`])).stdout };
}

describeWith([tool('zck')], 'the header of a real zchunk file', () => {
  test.each([['a few bytes'], [incompressibleText(2 << 20, 'z')]])(
    'is what zck_read_header says it is',
    async (text) => {
      const { file, said } = await made(text);
      const size = Number(/Header size: (\d+)/.exec(said)?.[1]);
      const digest = `sha256:${/Header checksum: ([0-9a-f]+)/.exec(said)?.[1]}`;
      expect(zchunkHeader(file)).toEqual({ digest, size });
      expect(zchunkHeader(file.subarray(0, size))).toEqual({ digest, size });
    },
  );

  test('is none when it is cut short or another byte of it is another', async () => {
    const { file } = await made('a few bytes');
    const { size } = zchunkHeader(file) ?? expect.unreachable('it is one');
    for (let length = 0; length < size; length++) expect(zchunkHeader(file.subarray(0, length))).toBeNull();
    for (let at = 0; at < size; at++) {
      const flipped = Buffer.from(file);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      expect([at, zchunkHeader(flipped)]).toEqual([at, null]);
    }
  });
});

test.each([
  ['nothing', ''],
  ['another file', '\u001f\u008b and more'],
  ['a number without end', `\0ZCK1${'\u0001'.repeat(40)}`],
  ['a checksum type of the future', `\0ZCK1\u0089\u0081${'x'.repeat(100)}`],
  ['a header that is longer than all bytes', `\0ZCK1\u0081\u007f\u007f\u007f\u007f\u007f\u00ff${'x'.repeat(100)}`],
])('%s is no header', (_what, text) => {
  expect(zchunkHeader(Buffer.from(text, 'latin1'))).toBeNull();
});
