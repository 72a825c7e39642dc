import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentRange, maximumRanges, parseRange, unsatisfiedRange, type ByteRange } from '../../http/ranges.ts';

/** As on the wire, inclusive, or the name of the decision. */
const decide = (header: string | undefined, size: number): string => {
  const decision = parseRange(header, size);
  return decision.kind === 'ranges' ? decision.ranges.map((r) => `${r.start}-${r.end - 1}`).join() : decision.kind;
};

describe('a Range header', () => {
  test.each([
    [undefined, 100, 'whole'],
    ['bytes=0-99', 100, '0-99'],
    ['bytes=0-0', 100, '0-0'],
    ['bytes=10-', 100, '10-99'],
    ['bytes=99-', 100, '99-99'],
    ['bytes=-1', 100, '99-99'],
    ['bytes=-500', 100, '0-99'],
    ['bytes=50-5000000000000000000000', 100, '50-99'],
    ['Bytes=0-1', 100, '0-1'],
    ['bytes=0-1, 5-6 ,\t8-9', 100, '0-1,5-6,8-9'],
    ['bytes=,0-1,,', 100, '0-1'],
    ['bytes=100-', 100, 'unsatisfiable'],
    ['bytes=9007199254740993-9007199254740995', 100, 'unsatisfiable'],
    ['bytes=-0', 100, 'unsatisfiable'],
    ['bytes=200-300,-0', 100, 'unsatisfiable'],
    ['bytes=200-300,5-5', 100, '5-5'],
    ['bytes=00000000000000000000000000-000000000000000000000000000001', 100, '0-1'],
  ])('%s of %i bytes is %s', (header, size, expected) => {
    expect(decide(header, size)).toBe(expected);
  });

  test.each([
    ['bytes'],
    ['bytes='],
    ['bytes=,'],
    ['bytes=-'],
    ['bytes=a-b'],
    ['bytes=1'],
    ['bytes=2-1'],
    ['bytes=0-1,2-1'],
    ['bytes=99999999999999999999999-99999999999999999999998'],
    ['bytes=+1-2'],
    ['bytes=1.0-2'],
    ['bytes=0x1-0x2'],
    ['bytes=1--2'],
    ['bytes=0-1;4-5'],
    ['bytes =0-1'],
    ['items=0-1'],
    ['bytes=0-1, bytes=2-3'],
  ])('%s is ignored', (header) => {
    expect(decide(header, 100)).toBe('whole');
  });

  test('of an empty file: a first byte cannot be had, a suffix is the whole', () => {
    expect(decide('bytes=0-', 0)).toBe('unsatisfiable');
    expect(decide('bytes=0-0', 0)).toBe('unsatisfiable');
    expect(decide('bytes=-0', 0)).toBe('unsatisfiable');
    expect(decide('bytes=-5', 0)).toBe('whole');
    expect(unsatisfiedRange(0)).toBe('bytes */0');
  });

  test('with 256 ranges is answered in 256 parts, with 257 as if it were not there', () => {
    const ranges = (count: number): string =>
      `bytes=${Array.from({ length: count }, (_, i) => `${i * 10}-${i * 10 + 4}`).join()}`;
    const decision = parseRange(ranges(maximumRanges), 10_000);
    expect(decision.kind === 'ranges' && decision.ranges.length).toBe(256);
    expect(decide(ranges(maximumRanges + 1), 10_000)).toBe('whole');
  });

  test.each([
    ['bytes=0-9,10-19', '0-19'],
    ['bytes=10-19,0-9', '0-19'],
    ['bytes=0-9,11-19', '0-9,11-19'],
    ['bytes=50-59,0-9,55-69,20-29', '50-69,0-9,20-29'],
    ['bytes=0-99,0-99,0-99', '0-99'],
    ['bytes=0-,0-,0-', '0-99'],
    ['bytes=80-89,0-9', '80-89,0-9'],
  ])('%s is joined to %s where it overlaps or touches', (header, expected) => {
    expect(decide(header, 100)).toBe(expected);
  });

  test('asks for exactly the bytes of its ranges, each once', () => {
    const specifier = fc.record({ first: fc.nat(60), length: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(
        fc.array(specifier, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 50 }),
        (list, size) => {
          const header = `bytes=${list.map(({ first, length }) => `${first}-${first + length - 1}`).join()}`;
          const wanted = new Set(
            list.flatMap(({ first, length }) => Array.from({ length }, (_, i) => first + i)).filter((i) => i < size),
          );
          const decision = parseRange(header, size);
          const ranges: readonly ByteRange[] = decision.kind === 'ranges' ? decision.ranges : [];
          const given = ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i));
          expect(given.length).toBe(wanted.size);
          expect(new Set(given)).toEqual(wanted);
          expect(ranges.every(({ start, end }) => start < end)).toBe(true);
          expect(decision.kind).toBe(wanted.size > 0 ? 'ranges' : 'unsatisfiable');
        },
      ),
    );
  });

  test('never throws, nor takes long, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(), (text, size) => void parseRange(`bytes=${text}`, size)),
    );
    expect(decide(`bytes=1${' '.repeat(16_000)}2`, 100)).toBe('whole');
  });
});

test('Content-Range counts the last byte in', () => {
  expect(contentRange({ start: 0, end: 1 }, 7)).toBe('bytes 0-0/7');
});
