import { invariant } from '../base/errors.ts';
import { contentRange, type ByteRange } from './ranges.ts';

/** A body in pieces, in order: bytes that are at hand, and parts of a file. */
export type Segment =
  | { readonly kind: 'text'; readonly bytes: Buffer }
  | { readonly kind: 'range'; readonly start: number; readonly end: number };

/** A multipart/byteranges body (RFC 9110 §14.6), laid out before any byte of the file is read. */
export interface MultipartLayout {
  readonly contentType: string;
  /** Exact length of the body in bytes. */
  readonly contentLength: number;
  readonly segments: readonly Segment[];
}

/**
 * Lays out the answer to several ranges as zchunk's parser reads it: the boundary goes into a regular expression there
 * (so letters and digits only), is the last parameter and unquoted; older versions want a line break before the first
 * delimiter too, and Content-Type before Content-Range with nothing after it.
 * @param parts.size of the whole file in bytes.
 * @param parts.contentType of the file itself.
 * @param parts.boundary 1 to 70 letters and digits that nobody can foresee.
 */
export function multipartLayout(parts: {
  readonly ranges: readonly ByteRange[];
  readonly size: number;
  readonly contentType: string;
  readonly boundary: string;
}): MultipartLayout {
  const { ranges, size, contentType, boundary } = parts;
  invariant(/^[0-9A-Za-z]{1,70}$/.test(boundary), 'a multipart boundary is 1 to 70 letters and digits');
  const segments: Segment[] = [];
  let contentLength = 0;
  const addText = (text: string): void => {
    const bytes = Buffer.from(text, 'latin1');
    segments.push({ kind: 'text', bytes });
    contentLength += bytes.length;
  };
  for (const { start, end } of ranges) {
    const range = contentRange({ start, end }, size);
    addText(`\r\n--${boundary}\r\nContent-Type: ${contentType}\r\nContent-Range: ${range}\r\n\r\n`);
    segments.push({ kind: 'range', start, end });
    contentLength += end - start;
  }
  addText(`\r\n--${boundary}--\r\n`);
  return { contentType: `multipart/byteranges; boundary=${boundary}`, contentLength, segments };
}
