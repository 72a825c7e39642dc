import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { WaystationError } from '../base/errors.ts';
import { problemOf } from '../http/problem.ts';

/**
 * Answers a request with an error, as `problemOf` has it.
 * @param extra more headers, such as Cache-Status or the Content-Range of a 416.
 */
export function sendProblem(
  response: ServerResponse,
  error: WaystationError,
  extra: Readonly<Record<string, string>> = {},
): void {
  const { status, headers, body } = problemOf(error, response.req.url?.split('?', 1)[0] ?? null);
  response.writeHead(status, { ...headers, ...extra, 'content-length': String(Buffer.byteLength(body)) }).end(body);
}

/** A boundary for `multipartLayout` that nobody can foresee, and so nobody can have put into a file. */
export function multipartBoundary(): string {
  return randomBytes(16).toString('hex');
}
