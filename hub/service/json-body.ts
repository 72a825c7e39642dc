import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { WaystationError } from '../../base/errors.ts';

/** Bytes that are read and thrown away beyond the bound: who still writes when he is answered may not hear why. */
const slack = 4 * 1024 * 1024;

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
  if (Number(request.headers['content-length'] ?? 0) > most + slack) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > most + slack) throw tooLarge();
      if (length <= most) chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof WaystationError) throw error;
    throw new WaystationError('bad_request', 'the body was cut', { cause: error });
  }
  if (length > most) throw tooLarge();
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
