import type { Context } from 'hono';
import { asWaystationError } from '../../base/errors.ts';
import { problemOf } from '../../http/problem.ts';

/** The one mapping of errors to answers, given to hono. */
export function problem(context: Context, thrown: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  const answer = problemOf(asWaystationError(thrown), context.req.path);
  return new Response(answer.body, { status: answer.status, headers: { ...answer.headers, ...headers } });
}
