import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { WaystationError } from '../../base/errors.ts';

/**
 * Reads the JSON body of a request.
 * @param most bytes that it may have.
 * @throws WaystationError `bad_request` when it is no such document, naming the field; `body_too_large`.
 */
export async function jsonBody<Schema extends z.ZodType>(
  request: IncomingMessage,
  schema: Schema,
  most: number,
): Promise<z.output<Schema>> {
  const tooLarge = (): WaystationError =>
    new WaystationError('body_too_large', `the body may have ${most} bytes at most`);
  if (Number(request.headers['content-length'] ?? 0) > most) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > most) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof WaystationError) throw error;
    throw new WaystationError('bad_request', 'the body was cut', { cause: error });
  }
  const read = schema.safeParse(parsed(Buffer.concat(chunks)));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new WaystationError(
    'bad_request',
    `the body is not as it should be: ${issue?.path.join('.') || issue?.message}`,
  );
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new WaystationError('bad_request', 'the body is no JSON');
  }
}
