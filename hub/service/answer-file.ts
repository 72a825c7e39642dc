import type { ByteSource } from '../../base/body.ts';
import { WaystationError } from '../../base/errors.ts';
import { evaluatePreconditions } from '../../http/conditionals.ts';
import { parseRange, unsatisfiedRange } from '../../http/ranges.ts';
import { bufferPool } from '../../web/buffer-pool.ts';
import type { Exchange } from '../../web/exchange.ts';
import { sendFile } from '../../web/file-body.ts';
import { refuse } from '../../web/refuse.ts';

/**
 * TLS copies what is written to it once more, and a hub is to give a hundred large files at a time in little memory:
 * smaller buffers than those of plain connections.
 */
const pool = bufferPool([
  { size: 128 * 1024, maximum: 256, kept: 32 },
  { size: 16 * 1024, maximum: Infinity, kept: 64 },
]);

/** A source whose length is known. */
export interface SizedSource extends ByteSource {
  /** Bytes. */
  readonly size: number;
}

/**
 * Answers GET and HEAD with a file that is here: preconditions, ranges, the whole.
 * @param outcome what the log says of an answer with the file, or about it.
 * @param headers of 200 and 206, an ETag among them.
 * @throws WaystationError of the source, the response untouched, when it fails before the first byte.
 */
export async function answerFile(
  exchange: Exchange,
  source: SizedSource,
  headers: Readonly<Record<string, string>>,
  outcome: 'hit' | 'miss' = 'hit',
): Promise<void> {
  const { request } = exchange;
  const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
  const validators = { etag: headers['etag'] ?? null, lastModified: null };
  const precondition = evaluatePreconditions(method, request.headers, validators);
  if (precondition.kind !== 'proceed' || method === 'HEAD') {
    const { size } = source;
    source.release();
    exchange.outcome = precondition.kind === 'failed' ? 'invalid' : outcome;
    return headOnly(exchange, { failed: 412, 'not-modified': 304, proceed: 200 }[precondition.kind], headers, size);
  }
  const range = parseRange(precondition.useRange ? request.headers.range : undefined, source.size);
  if (range.kind === 'unsatisfiable') {
    source.release();
    const error = new WaystationError('range_not_satisfiable', 'no part of the range is in the file');
    return refuse(exchange, error, { 'content-range': unsatisfiedRange(source.size) });
  }
  const failure = await sendFile({ exchange, outcome, source, range, headers, onHead: () => {}, pool });
  if (failure !== null) throw failure;
}

function headOnly(
  exchange: Exchange,
  status: number,
  { 'content-type': type, ...headers }: Readonly<Record<string, string>>,
  size: number,
): void {
  const more: Record<string, string> = { ...headers };
  if (status === 200) Object.assign(more, { 'content-type': type, 'content-length': String(size) });
  if (status === 412) more['content-length'] = '0';
  exchange.ended(0, false);
  exchange.response.writeHead(status, more).end();
}
