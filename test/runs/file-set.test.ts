import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Algorithm, Digest } from '../../base/digest.ts';
import { FileSet } from '../../runs/file-set.ts';

test('a set of files answers as a set of their names does', () => {
  const file = fc.record({
    scope: fc.constantFrom('open', 'pulp-1', 'pulp-2'),
    number: fc.nat(40),
    algorithm: fc.constantFrom<Algorithm>('sha256', 'sha512', 'md5'),
  });
  fc.assert(
    fc.property(fc.array(file, { maxLength: 200 }), (files) => {
      const [set, names] = [new FileSet(), new Set<string>()];
      for (const { scope, number, algorithm } of files) {
        const digest = digestOf(String(number), algorithm);
        const name = `${scope} ${digest}`;
        expect(set.has(scope, digest)).toBe(names.has(name));
        expect(set.add(scope, digest)).toBe(!names.has(name));
        names.add(name);
      }
      expect(set.size).toBe(names.size);
    }),
    { numRuns: 100 },
  );
});

test('a digest whose bits are all zero is a file like any other', () => {
  const set = new FileSet();
  const zero: Digest = `sha256:${'0'.repeat(64)}`;
  expect([set.has('open', zero), set.add('open', zero), set.add('open', zero), set.size]).toEqual([
    false,
    true,
    false,
    1,
  ]);
});

test('60,000 files take less than 24 bytes each', () => {
  const set = new FileSet();
  const count = 60_000;
  for (let number = 0; number < count; number += 1) {
    set.add('open', `sha256:${createHash('sha256').update(String(number)).digest('hex')}`);
  }
  expect(set.size).toBe(count);
  expect(set.bytes / count).toBeLessThan(24);
});
