import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Algorithm, Digest, Listed } from '../../base/digest.ts';
import { WantedTable } from '../../cache/upkeep/wanted-table.ts';

function listed(text: string, size: number, algorithm: Algorithm = 'sha256'): Listed {
  return { digest: digestOf(text, algorithm), size };
}

test('files are found by digest and length in every scope that lists them, and in no other', () => {
  const table = new WantedTable();
  const one = listed('one', 100);
  table.add('open', one, false);
  table.add('h-1', one, true);
  table.add('open', listed('two', 100, 'sha512'), false);
  expect(table.entries(one.digest, 100).map((entry) => [table.scope(entry), table.held(entry)])).toEqual([
    ['open', false],
    ['h-1', true],
  ]);
  expect(table.entries(one.digest, 101)).toEqual([]);
  expect(table.entries(digestOf('two'), 100)).toEqual([]);
  expect([table.entry('open', one), table.entry('h-1', one), table.entry('h-2', one)]).toEqual([0, 1, -1]);
  expect([...table.algorithms]).toEqual(['sha256', 'sha512']);
});

test('an algorithm that only held files are listed by is not asked for', () => {
  const table = new WantedTable();
  table.add('open', listed('one', 100, 'md5'), true);
  expect([...table.algorithms]).toEqual([]);
});

test('how many files of a size are missing is known, and null of a size that nothing has', () => {
  const table = new WantedTable();
  table.add('open', listed('one', 100), false);
  table.add('open', listed('two', 100), false);
  table.add('open', listed('three', 7), true);
  expect([table.missing(100), table.missing(7), table.missing(8)]).toEqual([2, 0, null]);
  for (const again of [0, 0, 1]) table.took(again);
  expect([table.missing(100), table.held(0), table.held(1)]).toEqual([0, true, true]);
});

test('digests that begin alike are told apart', () => {
  const table = new WantedTable();
  const digests = ['0', '1', '2'].map((end): Digest => `sha256:${'ab'.repeat(15)}0${end}${'0'.repeat(32)}`);
  for (const digest of digests.slice(0, 2)) table.add('open', { digest, size: 5 }, false);
  expect(digests.map((digest) => table.entries(digest, 5))).toEqual([[0], [1], []]);
});

test('300,000 files take at most 54 bytes each, and each is found', () => {
  const count = 300_000;
  const digest = (number: number): Digest =>
    `sha256:${Math.imul(number, 2_654_435_761 | 0)
      .toString(16)
      .replace('-', '')
      .padStart(8, '0')}${number.toString(16).padStart(24, '0')}${'0'.repeat(32)}`;
  const table = new WantedTable();
  for (let number = 0; number < count; number += 1)
    table.add('open', { digest: digest(number), size: number % 5000 }, false);
  expect(table.length).toBe(count);
  expect(table.bytes / count).toBeLessThanOrEqual(54);
  for (let number = 0; number < count; number += 997) {
    expect(table.entries(digest(number), number % 5000)).toEqual([number]);
    expect(table.entries(digest(number), (number % 5000) + 5000)).toEqual([]);
  }
});
