import { STATUS_CODES } from 'node:http';
import { describe, expect, test } from 'vitest';
import { errorCatalogue, WaystationError, type ErrorCode } from '../../base/errors.ts';
import { problemOf, statusOf } from '../../http/problem.ts';

const codes = Object.keys(errorCatalogue) as ErrorCode[];

describe('the status of an error', () => {
  test.each(codes.filter((code) => code.startsWith('upstream_')))('%s is 504', (code) => {
    expect(statusOf[code]).toBe(504);
  });

  test.each<[ErrorCode, number]>([
    ['bad_path', 400],
    ['unauthorized', 401],
    ['denied', 403],
    ['guarded_at_hub', 403],
    ['not_found', 404],
    ['method_not_allowed', 405],
    ['range_not_satisfiable', 416],
    ['internal', 500],
    ['draining', 503],
    ['repository_pending', 503],
    ['disk_full', 503],
  ])('%s is %i', (code, status) => {
    expect(statusOf[code]).toBe(status);
  });

  test('is 404 only where absence is meant', () => {
    expect(codes.filter((code) => statusOf[code] === 404)).toEqual([
      'not_found',
      'pop_unknown',
      'token_unknown',
      'unknown_snapshot',
      'unknown_channel',
      'unknown_subscription',
      'unknown_generation',
    ]);
  });
});

describe('a problem', () => {
  test.each(codes)('%s has the title of its status, and Retry-After exactly when it is 429, 503 or 504', (code) => {
    const { status, headers, body } = problemOf(new WaystationError(code, 'the message'), '/content/a');
    expect(JSON.parse(body)).toMatchObject({
      type: 'about:blank',
      // RFC 9110 gave it another name than Node has.
      title: status === 413 ? 'Content Too Large' : STATUS_CODES[status],
      status,
      code,
      instance: '/content/a',
    });
    expect(headers['content-type']).toBe('application/problem+json');
    expect(headers['www-authenticate']).toBe(status === 401 ? 'Bearer' : undefined);
    expect('retry-after' in headers).toBe([429, 503, 504].includes(status));
  });

  test('says why, but not what is wrong inside this machine', () => {
    const detail = (code: ErrorCode): unknown =>
      JSON.parse(problemOf(new WaystationError(code, 'why'), null).body).detail;
    expect(detail('upstream_timeout')).toBe('why');
    expect(detail('guarded_at_hub')).toBe('why');
    expect(detail('draining')).toBe('why');
    expect(detail('disk_failing')).not.toContain('why');
    expect(detail('internal')).not.toContain('why');
    expect(detail('secret_unreadable')).not.toContain('why');
  });

  test('passes on when to try again, in whole seconds from 1', () => {
    const retryAfter = (seconds: number | null): string | undefined =>
      problemOf(new WaystationError('upstream_status', 'm', { retryAfter: seconds }), null).headers['retry-after'];
    expect(retryAfter(null)).toBe('10');
    expect(retryAfter(0)).toBe('1');
    expect(retryAfter(2.2)).toBe('3');
  });

  test('of a method names those that work', () => {
    expect(problemOf(new WaystationError('method_not_allowed', 'm'), null).headers['allow']).toBe('GET, HEAD');
  });
});
