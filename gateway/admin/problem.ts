import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { asWaystationError, type ErrorCode } from '../../base/errors.ts';

/** The statuses of what the admin API itself refuses; all else is its own fault (500) or its state's (503). */
const statuses: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  bad_path: 400,
  bad_request: 400,
  method_not_allowed: 405,
  not_found: 404,
  unknown_subscription: 404,
  denied: 403,
  not_built: 501,
  internal: 500,
};

/** `application/problem+json` (RFC 9457) of a thrown value. What is `internal` is not told to the client. */
export function problem(context: Context, thrown: unknown): Response {
  const { code, message, retryAfter } = asWaystationError(thrown);
  const status = statuses[code] ?? 503;
  if (status === 503) context.header('Retry-After', String(retryAfter ?? 5));
  context.header('Content-Type', 'application/problem+json');
  const detail = code === 'internal' ? 'The service failed; its log has the reason.' : message;
  return context.body(JSON.stringify({ title: code.replaceAll('_', ' '), status, code, detail }), status);
}
