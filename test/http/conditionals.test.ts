import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluatePreconditions, type ConditionalHeaders } from '../../http/conditionals.ts';

const etag = '"sha256-1"';
/** With a fraction: what is on the wire has whole seconds. */
const lastModified = Date.parse('2026-03-04T05:06:07.800Z');
const same = 'Wed, 04 Mar 2026 05:06:07 GMT';
const before = 'Wed, 04 Mar 2026 05:06:06 GMT';
const after = 'Wed, 04 Mar 2026 05:06:08 GMT';

const decide = (
  headers: ConditionalHeaders,
  method: 'GET' | 'HEAD' = 'GET',
  current = { etag, lastModified },
): string => {
  const result = evaluatePreconditions(method, headers, current);
  return result.kind === 'proceed' ? (result.useRange ? 'range' : 'proceed') : result.kind;
};

describe('preconditions', () => {
  test.each<[ConditionalHeaders, string]>([
    [{}, 'proceed'],
    [{ 'if-match': etag }, 'proceed'],
    [{ 'if-match': '*' }, 'proceed'],
    [{ 'if-match': `"x", ${etag}` }, 'proceed'],
    [{ 'if-match': '"x"' }, 'failed'],
    [{ 'if-match': `W/${etag}` }, 'failed'],
    [{ 'if-match': 'sha256-1' }, 'failed'],
    [{ 'if-match': '' }, 'failed'],
    [{ 'if-none-match': etag }, 'not-modified'],
    [{ 'if-none-match': `W/${etag}` }, 'not-modified'],
    [{ 'if-none-match': ' * ' }, 'not-modified'],
    [{ 'if-none-match': `"a,b" ,, W/"c"\t,${etag}` }, 'not-modified'],
    [{ 'if-none-match': '"x"' }, 'proceed'],
    [{ 'if-none-match': 'sha256-1' }, 'proceed'],
    [{ 'if-none-match': `"x" ${etag}` }, 'proceed'],
    [{ 'if-none-match': `w/${etag}` }, 'proceed'],
    [{ 'if-modified-since': same }, 'not-modified'],
    [{ 'if-modified-since': after }, 'not-modified'],
    [{ 'if-modified-since': before }, 'proceed'],
    [{ 'if-modified-since': 'yesterday' }, 'proceed'],
    [{ 'if-unmodified-since': same }, 'proceed'],
    [{ 'if-unmodified-since': after }, 'proceed'],
    [{ 'if-unmodified-since': before }, 'failed'],
    [{ 'if-unmodified-since': 'yesterday' }, 'proceed'],
    // Precedence: an entity tag silences the date of its kind; 412 comes before 304.
    [{ 'if-none-match': '"x"', 'if-modified-since': same }, 'proceed'],
    [{ 'if-match': etag, 'if-unmodified-since': before }, 'proceed'],
    [{ 'if-match': '"x"', 'if-none-match': etag }, 'failed'],
    [{ 'if-match': etag, 'if-none-match': etag }, 'not-modified'],
    [{ 'if-unmodified-since': before, 'if-modified-since': same }, 'failed'],
    [{ range: 'bytes=0-1' }, 'range'],
    [{ range: 'bytes=0-1', 'if-none-match': etag }, 'not-modified'],
    [{ range: 'bytes=0-1', 'if-match': '"x"' }, 'failed'],
    [{ range: 'bytes=0-1', 'if-range': etag }, 'range'],
    [{ range: 'bytes=0-1', 'if-range': `W/${etag}` }, 'proceed'],
    [{ range: 'bytes=0-1', 'if-range': '"x"' }, 'proceed'],
    [{ range: 'bytes=0-1', 'if-range': `"x", ${etag}` }, 'proceed'],
    [{ range: 'bytes=0-1', 'if-range': '*' }, 'proceed'],
    [{ range: 'bytes=0-1', 'if-range': same }, 'range'],
    [{ range: 'bytes=0-1', 'if-range': after }, 'proceed'],
    [{ range: 'bytes=0-1', 'if-range': before }, 'proceed'],
    [{ range: 'bytes=0-1', 'if-range': 'yesterday' }, 'proceed'],
    [{ 'if-range': etag }, 'proceed'],
  ])('%j: %s', (headers, expected) => {
    expect(decide(headers)).toBe(expected);
  });

  test('a range counts on GET only, the rest on HEAD too', () => {
    expect(decide({ range: 'bytes=0-1' }, 'HEAD')).toBe('proceed');
    expect(decide({ 'if-none-match': etag }, 'HEAD')).toBe('not-modified');
    expect(decide({ 'if-match': '"x"' }, 'HEAD')).toBe('failed');
  });

  test('a weak current tag never matches strongly', () => {
    const current = { etag: `W/${etag}`, lastModified };
    expect(decide({ 'if-none-match': etag }, 'GET', current)).toBe('not-modified');
    expect(decide({ 'if-match': `W/${etag}` }, 'GET', current)).toBe('failed');
    expect(decide({ range: 'bytes=0-1', 'if-range': `W/${etag}` }, 'GET', current)).toBe('proceed');
  });

  test('without validators, dates and tags say nothing but that If-Match and If-Range fail', () => {
    const current = { etag: null, lastModified: null } as unknown as { etag: string; lastModified: number };
    expect(decide({ 'if-modified-since': same, 'if-unmodified-since': before }, 'GET', current)).toBe('proceed');
    expect(decide({ 'if-none-match': etag }, 'GET', current)).toBe('proceed');
    expect(decide({ 'if-match': etag }, 'GET', current)).toBe('failed');
    expect(decide({ range: 'bytes=0-1', 'if-range': same }, 'GET', current)).toBe('proceed');
  });

  test('a tag is found at any place of a list, and only whole', () => {
    const tag = fc.stringMatching(/^(W\/)?"[!#-~]{0,5}"$/);
    fc.assert(
      fc.property(fc.array(tag, { minLength: 1, maxLength: 6 }), fc.nat(5), tag, (tags, index, other) => {
        const chosen = tags[index % tags.length] ?? '""';
        const bare = (text: string): string => text.replace('W/', '');
        expect(decide({ 'if-none-match': tags.join(', ') }, 'GET', { etag: chosen, lastModified })).toBe(
          'not-modified',
        );
        const expected = tags.some((one) => bare(one) === bare(other)) ? 'not-modified' : 'proceed';
        expect(decide({ 'if-none-match': tags.join(',') }, 'GET', { etag: other, lastModified })).toBe(expected);
      }),
    );
  });

  test('hostile lists are read in no time', () => {
    const started = performance.now();
    decide({ 'if-none-match': `${' '.repeat(16_000)}x`, 'if-match': `${','.repeat(16_000)}x` });
    decide({ 'if-none-match': `"${'"'.repeat(16_000)}` });
    expect(performance.now() - started).toBeLessThan(200);
  });
});
