import { WaystationError } from '../../base/errors.ts';
import type { ErrorCode } from '../../base/errors.ts';
import { parseRetryAfter } from '../../http/freshness.ts';
import type { ApiAnswer } from './api-connection.ts';

/** Seconds; who asks for more is asked again after this. */
const longestRetryAfter = 3600;

/**
 * The JSON of a good answer.
 * @param where the URL, fit for logs.
 * @throws WaystationError that says what the hub answered instead.
 */
export function jsonOf(answer: ApiAnswer, where: string, now: number): unknown {
  const { status, headers, text } = answer;
  const fail = (code: ErrorCode, reason: string): WaystationError => {
    const retryAfter = parseRetryAfter([headers['retry-after']].flat()[0], now, longestRetryAfter);
    return new WaystationError(code, `${where} ${reason}${reasonIn(answer)}`, { retryAfter });
  };
  if (status === 200) {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      const kind = [headers['content-type'] ?? 'no type'].flat()[0]?.slice(0, 60);
      throw fail(
        'upstream_lied',
        `answers 200 with what is no JSON (${kind}): no Pulp API, or something stands before it`,
      );
    }
  }
  if (status === 401 || status === 403) throw fail('upstream_unauthorized', `answers ${status}`);
  if (status === 404 || status === 410) throw fail('upstream_missing', `answers ${status}`);
  if (status >= 300 && status < 400) {
    // Its query may hold secrets.
    const to = [headers['location'] ?? 'nowhere'].flat()[0]?.split('?')[0]?.slice(0, 200);
    throw fail('upstream_redirect', `redirects to ${to}: give the hub's own URL`);
  }
  throw fail('upstream_status', `answers ${status}`);
}

/** `: …` with Pulp's own words, '' when it has none. Never a page of HTML. */
export function reasonIn({ text }: ApiAnswer): string {
  if (text.length > 10_000 || !/^\s*[{[]/.test(text)) return '';
  try {
    const words = wordsOf(JSON.parse(text)).join(' ').slice(0, 300);
    return words === '' ? '' : `: ${words}`;
  } catch {
    return '';
  }
}

/** The texts of `{"detail": "…"}`, `{"errors": ["…"]}` and `{"field": ["…"]}`. */
function wordsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(wordsOf) : [];
}
