import * as fc from 'fast-check';
import picomatch from 'picomatch';
import { expect, test } from 'vitest';
import { matchesPath } from '../../config/path-pattern.ts';

test.each([
  ['edge/base*', 'edge/base', true],
  ['edge/base*', 'edge/base-x', true],
  ['edge/base*', 'edge/base/x', false],
  ['*', 'a', true],
  ['*', 'a/b', false],
  ['**', 'a/b/c', true],
  ['edge/**', 'edge/a/b', true],
  ['edge/**', 'edge', true],
  ['edge/**', 'edges', false],
  ['edge**', 'edge/a/b', true],
  ['**/base', 'base', true],
  ['**/base', 'a/b/base', true],
  ['**/base', 'a/xbase', false],
  ['a/**/b', 'a/b', true],
  ['a/**/b', 'a/x/y/b', true],
  ['a/**/b', 'ab', false],
  ['a.b', 'axb', false],
  ['c++', 'c++', true],
  ['a?c', 'abc', true],
  ['a?c', 'a/c', false],
  ['.x', '.x', true],
  ['*', '.x', true],
])('the pattern %j on %j is %j', (pattern, path, expected) => {
  expect(matchesPath(pattern, path)).toBe(expected);
});

test('patterns whose ** are whole segments mean what they mean in picomatch', () => {
  const segment = fc.stringMatching(/^[ab]{1,3}$/);
  const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));
  const part = fc.oneof(segment, fc.constantFrom('*', '**', 'a*', '*b', '?', 'a?'));
  const pattern = fc
    .array(part, { minLength: 1, maxLength: 4 })
    .filter((parts) => !parts.some((one, index) => one === '**' && parts[index + 1] === '**'))
    .map((parts) => parts.join('/'))
    // There picomatch wants one more segment, though it wants none after a plain one.
    .filter((text) => !/[*?][^/]*\/\*\*$/.test(text));
  fc.assert(
    fc.property(pattern, path, (one, other) => {
      expect(matchesPath(one, other)).toBe(picomatch(one, { dot: true })(other));
    }),
    { numRuns: 2000 },
  );
});
