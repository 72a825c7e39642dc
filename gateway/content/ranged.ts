import type { ByteSource } from '../../base/body.ts';
import type { WaystationError } from '../../base/errors.ts';
import { multipartLayout } from '../../http/multipart.ts';
import { contentRange } from '../../http/ranges.ts';
import type { ByteRange } from '../../http/ranges.ts';
import { sendSegments } from '../../web/body-writer.ts';
import type { SendResult } from '../../web/body-writer.ts';
import { multipartBoundary } from '../../web/response.ts';
import type { Exchange } from './exchange.ts';

interface Ranged {
  readonly exchange: Exchange;
  readonly source: ByteSource;
  readonly ranges: readonly [ByteRange, ...ByteRange[]];
  /** Of the whole file. */
  readonly size: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly onHead: () => void;
}

/**
 * Answers 206: one range as it is, several as multipart/byteranges (zchunk needs them).
 * @returns why the source failed before anything was sent, the response untouched; null when it was answered.
 */
export async function sendRanges(ranged: Ranged): Promise<WaystationError | null> {
  const { exchange } = ranged;
  exchange.sending();
  const result = ranged.ranges.length === 1 ? await sendOne(ranged) : await sendSeveral(ranged);
  if (result.ended === 'cut' && !exchange.response.headersSent) return result.error;
  exchange.ended(result.bytes, result.ended === 'cut');
  return null;
}

function sendOne({ exchange, source, ranges: [range], size, headers, onHead }: Ranged): Promise<SendResult> {
  return sendSegments(exchange.response, source, [{ kind: 'range', ...range }], {
    onFirstByte: () => {
      onHead();
      exchange.response.writeHead(206, {
        ...headers,
        'content-range': contentRange(range, size),
        'content-length': String(range.end - range.start),
      });
    },
  });
}

function sendSeveral({ exchange, source, ranges, size, headers, onHead }: Ranged): Promise<SendResult> {
  const layout = multipartLayout({
    ranges,
    size,
    contentType: headers['content-type'] ?? 'application/octet-stream',
    boundary: multipartBoundary(),
  });
  return sendSegments(exchange.response, source, layout.segments, {
    onFirstByte: () => {
      onHead();
      exchange.response.writeHead(206, {
        ...headers,
        'content-type': layout.contentType,
        'content-length': String(layout.contentLength),
      });
    },
  });
}
