import { describe, expect, test } from 'vitest';
import { judge } from '../../origin/judgement.ts';
import type { Asked, Judgement } from '../../origin/judgement.ts';
import type { ResponseHeaders } from '../../origin/wire/response-head.ts';

const now = Date.UTC(2026, 0, 1);

function judged(status: number, headers: ResponseHeaders, asked: Partial<Asked> = {}): Judgement {
  return judge(
    { status, headers },
    { offset: 0, until: null, conditional: false, where: 'http://o/f.xml', now, ...asked },
  );
}

/** The code of a refusal, with its Retry-After when it has one; else the judgement's kind. */
function word(judgement: Judgement): string {
  if (judgement.kind !== 'refused') return judgement.kind;
  const { code, retryAfter } = judgement.error;
  return retryAfter === null ? code : `${code} ${retryAfter}`;
}

const pulp = (size: string): ResponseHeaders => ({ 'x-pulp-artifact-size': size });

describe('what is asked for passes', () => {
  test.each<[string, number, ResponseHeaders, Partial<Asked>, object]>([
    ['a whole file with its length', 200, { 'content-length': '7' }, {}, { total: 7, skip: 0 }],
    ['a whole file without a length', 200, {}, {}, { total: null, skip: 0 }],
    ['a whole file whose length only Pulp’s own header says', 200, pulp('7'), {}, { total: 7, skip: 0 }],
    ['a whole file with two lengths', 200, { ...pulp('9'), 'content-length': '7' }, {}, { total: 7, skip: 0 }],
    ['a whole file with a length that is none', 200, pulp('seven'), {}, { total: null, skip: 0 }],
    [
      'the whole instead of a range, to be skipped',
      200,
      { 'content-length': '7' },
      { offset: 3 },
      { total: 7, skip: 3 },
    ],
    [
      'the rest of a file',
      206,
      { 'content-range': 'bytes 3-6/7', 'content-length': '4' },
      { offset: 3 },
      { total: 7, skip: 0 },
    ],
    [
      'the rest of a file of unknown length',
      206,
      { 'content-range': 'bytes 3-6/*' },
      { offset: 3 },
      { total: null, skip: 0 },
    ],
    ['identity, named', 200, { 'content-encoding': 'identity' }, {}, { total: null, skip: 0 }],
    [
      'a .gz labelled as gzip',
      200,
      { 'content-encoding': 'x-gzip' },
      { where: 'http://o/f.xml.gz' },
      { total: null, skip: 0 },
    ],
  ])('%s', (...[, status, headers, asked, expected]) => {
    expect(judged(status, headers, asked)).toEqual({ kind: 'body', ...expected });
  });

  test('304 to validators', () => {
    expect(judged(304, {}, { conditional: true })).toEqual({ kind: 'not-modified' });
  });

  test.each([301, 302, 303, 307, 308])('redirect %d', (status) => {
    expect(judged(status, { location: '/g' })).toEqual({ kind: 'redirect', location: '/g' });
  });
});

describe('what was not asked for is refused', () => {
  test.each<[string, number, ResponseHeaders, Partial<Asked>, string]>([
    ['206 to a plain GET', 206, { 'content-range': 'bytes 0-6/7' }, {}, 'upstream_lied'],
    ['206 without Content-Range', 206, {}, { offset: 3 }, 'upstream_lied'],
    ['a range that begins elsewhere', 206, { 'content-range': 'bytes 2-6/7' }, { offset: 3 }, 'upstream_lied'],
    ['a range that ends before the file', 206, { 'content-range': 'bytes 3-5/7' }, { offset: 3 }, 'upstream_lied'],
    ['a range that ends behind the file', 206, { 'content-range': 'bytes 3-7/7' }, { offset: 3 }, 'upstream_lied'],
    ['a range that ends before it begins', 206, { 'content-range': 'bytes 3-2/*' }, { offset: 3 }, 'upstream_lied'],
    [
      'a range of another length',
      206,
      { 'content-range': 'bytes 3-6/7', 'content-length': '5' },
      { offset: 3 },
      'upstream_lied',
    ],
    ['multipart ranges', 206, { 'content-type': 'multipart/byteranges; boundary=x' }, { offset: 3 }, 'upstream_lied'],
    ['a file shorter than what was had of it', 200, { 'content-length': '2' }, { offset: 3 }, 'upstream_lied'],
    ['304 to no validators', 304, {}, {}, 'upstream_lied'],
    ['an encoded body', 200, { 'content-encoding': 'gzip' }, {}, 'upstream_lied'],
    [
      'a .gz labelled as another encoding',
      200,
      { 'content-encoding': 'br' },
      { where: 'http://o/f.xml.gz' },
      'upstream_lied',
    ],
    ['several encodings', 200, { 'content-encoding': 'gzip, gzip' }, { where: 'http://o/f.gz' }, 'upstream_lied'],
    ['404', 404, {}, {}, 'upstream_missing'],
    ['410', 410, {}, {}, 'upstream_missing'],
    ['401', 401, {}, {}, 'upstream_unauthorized'],
    ['403', 403, {}, {}, 'upstream_unauthorized'],
    ['407', 407, {}, {}, 'upstream_unauthorized'],
    ['416', 416, {}, { offset: 3 }, 'upstream_status'],
    ['204', 204, {}, {}, 'upstream_status'],
    ['a redirect to nowhere', 302, {}, {}, 'upstream_status'],
    ['300', 300, { location: '/g' }, {}, 'upstream_status'],
    ['500', 500, {}, {}, 'upstream_status'],
    ['503 with seconds', 503, { 'retry-after': '7' }, {}, 'upstream_status 7'],
    ['429 with a date', 429, { 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' }, {}, 'upstream_status 60'],
    ['503 with a day, cut to an hour', 503, { 'retry-after': '86400' }, {}, 'upstream_status 3600'],
  ])('%s', (...[, status, headers, asked, expected]) => {
    expect(word(judged(status, headers, asked))).toBe(expected);
  });
});
