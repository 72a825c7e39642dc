import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareEvr, compareVersions, parseEvr } from '../../yum/rpm-version.ts';

/** Answers of librpm 4.18 (`rpm.vercmp`): 0, or which side is older. */
const vectors: readonly (readonly [string, string, -1 | 0 | 1])[] = [
  ['1.0', '1.0', 0],
  ['2.0.1', '2.0.1a', -1],
  ['5.5p1', '5.5p10', -1],
  ['10xyz', '10.1xyz', -1],
  ['xyz10', 'xyz10.1', -1],
  ['xyz.4', '8', -1],
  ['1.05', '1.5', 0],
  ['1.0010', '1.9', 1],
  ['0001', '1', 0],
  ['2_0', '2.0', 0],
  ['2..0', '2.0', 0],
  ['a', 'A', 1],
  ['1.0', '1.0.', 0],
  ['1.0a', '1.0.a', 0],
  ['1.0a', '1.0.1', -1],
  ['a1', '1a', -1],
  ['000', '0', 0],
  ['9.fc38', '10.fc38', -1],
  ['123456789012345678901234567890', '123456789012345678901234567891', -1],
  ['1', '~1', 1],
  ['1.0~rc1', '1.0', -1],
  ['1.0~rc1', '1.0~rc2', -1],
  ['1.0~~', '1.0~', -1],
  ['1.0~rc1', '1.0~rc1~git1', 1],
  ['1.0^', '1.0', 1],
  ['1.0^git1', '1.01', -1],
  ['1.0^20200101', '1.0.1', -1],
  ['1.0^git1~pre', '1.0^git1', -1],
  ['1.0~rc1^git1', '1.0~rc1', 1],
  ['1.0^a~b', '1.0^a', -1],
  ['1.0~', '1.0^', -1],
  ['1.0~^', '1.0^~', -1],
  ['1.0+git1', '1.0.git1', 0],
  ['fc4', 'fc.4', 0],
  ['1.0rc1', '1.0', 1],
  ['1_~1', '1~1', 0],
  ['1.0.0', '1.0', 1],
  ['1.é', '1.', 0],
  ['4.10', '4.9', 1],
];

test.each(vectors)('%s and %s compare as %i', (a, b, order) => {
  expect(compareVersions(a, b)).toBe(order);
  expect(compareVersions(b, a)).toBe(order === 0 ? 0 : -order);
});

describe('epoch, version and release', () => {
  test.each([
    ['1:1.0-1', '0:9-9', 1],
    ['1.0-2', '1.0-10', -1],
    ['1.0', '1.0-5', -1],
    ['00:1-1', '1-1', 0],
    ['10:1-1', '9:2-1', 1],
  ])('%s and %s compare as %i', (a, b, order) => {
    expect(compareEvr(parseEvr(a), parseEvr(b))).toBe(order);
  });

  test('are read from text', () => {
    expect(parseEvr('1:2.0-3.el9')).toEqual({ epoch: '1', version: '2.0', release: '3.el9' });
    expect(parseEvr('2.0')).toEqual({ epoch: '0', version: '2.0', release: '' });
    expect(parseEvr(':2.0-1')).toEqual({ epoch: '0', version: '2.0', release: '1' });
  });
});

test('the order is antisymmetric, and separators change nothing', () => {
  const version = fc
    .array(fc.constantFrom('1', '0', '9', '10', 'a', 'B', '.', '_', '~', '^', 'é'), { maxLength: 8 })
    .map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(version, version, (a, b) => {
      expect(compareVersions(a, b) + compareVersions(b, a)).toBe(0);
      expect(compareVersions(a.replaceAll('.', '+_'), a)).toBe(0);
    }),
    { numRuns: 2000 },
  );
});
