import type { ByteSource } from '../base/body.ts';
import type { WaystationError } from '../base/errors.ts';
import type { Outcome } from '../base/outcome.ts';
import { multipartLayout } from '../http/multipart.ts';
import type { Segment } from '../http/multipart.ts';
import { contentRange } from '../http/ranges.ts';
import type { RangeDecision } from '../http/ranges.ts';
import { sendSegments } from './body-writer.ts';
import type { BufferPool } from './buffer-pool.ts';
import { multipartBoundary } from './response.ts';
import type { Exchange } from './exchange.ts';

/** An answer with a body, but for its bytes. */
export interface BodyAnswer {
  readonly exchange: Exchange;
  readonly outcome: Outcome;
  readonly source: ByteSource;
  /** Never `unsatisfiable` here; only `whole` where the size is unknown. */
  readonly range: Exclude<RangeDecision, { kind: 'unsatisfiable' }>;
  /** What 200 and 206 have in common. */
  readonly headers: Readonly<Record<string, string>>;
  /** The head is about to leave. */
  readonly onHead: () => void;
  /** Where buffers come from; default: those that all bodies share. */
  readonly pool?: BufferPool;
}

/** Status, headers and layout of what will be sent. */
interface Layout {
  readonly status: 200 | 206;
  readonly headers: Readonly<Record<string, string>>;
  readonly segments: readonly Segment[];
}

/**
 * Sends a file or the ranges of it that were asked for: one as it is, several as multipart/byteranges (zchunk needs
 * them). The head leaves with the first byte.
 * @returns why the source failed before that, the response untouched; null when the request was answered.
 */
export async function sendFile(answer: BodyAnswer): Promise<WaystationError | null> {
  const { exchange, source, onHead, pool } = answer;
  const { status, headers, segments } = layoutOf(answer);
  exchange.outcome = answer.outcome;
  exchange.sending();
  const result = await sendSegments(exchange.response, source, segments, {
    ...(pool === undefined ? {} : { pool }),
    onFirstByte: () => {
      onHead();
      exchange.response.writeHead(status, headers);
    },
  });
  if (result.ended === 'cut' && !exchange.response.headersSent) return result.error;
  exchange.ended(result.bytes, result.ended === 'cut');
  return null;
}

function layoutOf({ source: { size }, range, headers }: BodyAnswer): Layout {
  if (range.kind === 'whole' || size === null) {
    const segments: Segment[] = [{ kind: 'range', start: 0, end: size ?? Infinity }];
    return { status: 200, headers: size === null ? headers : { ...headers, 'content-length': String(size) }, segments };
  }
  const [first, ...others] = range.ranges;
  if (others.length === 0) {
    const length = { 'content-range': contentRange(first, size), 'content-length': String(first.end - first.start) };
    return { status: 206, headers: { ...headers, ...length }, segments: [{ kind: 'range', ...first }] };
  }
  const contentType = headers['content-type'] ?? 'application/octet-stream';
  const layout = multipartLayout({ ranges: range.ranges, size, contentType, boundary: multipartBoundary() });
  const own = { 'content-type': layout.contentType, 'content-length': String(layout.contentLength) };
  return { status: 206, headers: { ...headers, ...own }, segments: layout.segments };
}
