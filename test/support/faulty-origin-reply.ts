import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';

import type { Gate } from './faulty-origin-gate.ts';

/** A request as the origin saw it. */
export interface OriginRequest {
  readonly method: string;
  /** The request target as it came, with its query and its percent signs. */
  readonly target: string;
  /** Decoded, without query. */
  readonly path: string;
  /** Names in lower case; repeated ones joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Bytes that a reply sends; positions count from the body's first byte. */
export interface ReplyBody {
  readonly length: number;
  read(start: number, end: number): AsyncIterable<Buffer>;
}

/** Something that happens before byte `at` of the body leaves. */
export type BodyEvent =
  | { readonly at: number; readonly kind: 'wait'; readonly gate: Gate }
  | { readonly at: number; readonly kind: 'cut'; readonly how: 'close' | 'reset' };

/** All that goes over the wire for one request. Lies are functions from one reply to another. */
export interface Reply {
  readonly status: number;
  /** In order, repeated ones allowed. Content-Length and Transfer-Encoding are added by `framing`, unless present here. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: ReplyBody;
  /** Position of the body's first byte in the file: above 0 for a 206. */
  readonly start: number;
  readonly framing: 'length' | 'chunked' | 'close';
  /** Waited for before anything is sent. */
  readonly before: Gate | null;
  readonly events: readonly BodyEvent[];
  /** Bytes a second; null: as fast as the socket takes them. */
  readonly rate: number | null;
  /** Once it is open there is no rate any more. */
  readonly until: Gate | null;
  /** Sent instead of a response, after which the connection is closed. */
  readonly raw: Buffer | null;
}

/** A file that the origin has: in memory or on disk. */
export interface OriginFile {
  readonly body: ReplyBody;
  readonly etag: string;
  readonly lastModified: Date;
}

export function bytesBody(bytes: Buffer): ReplyBody {
  return {
    length: bytes.length,
    read: async function* (start, end) {
      for (let at = start; at < end; at += 65_536) yield bytes.subarray(at, Math.min(end, at + 65_536));
    },
  };
}

export function memoryFile(bytes: Buffer): OriginFile {
  const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 20)}"`;
  return { body: bytesBody(bytes), etag, lastModified: new Date(Math.floor(Date.now() / 1000) * 1000) };
}

/** @returns null when there is no such regular file. */
export async function diskFile(path: string): Promise<OriginFile | null> {
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) return null;
  return {
    body: {
      length: found.size,
      read: (start, end) =>
        end > start ? createReadStream(path, { start, end: end - 1, highWaterMark: 262_144 }) : none(),
    },
    etag: `"${found.size.toString(16)}-${Math.floor(found.mtimeMs).toString(16)}"`,
    lastModified: new Date(Math.floor(found.mtimeMs / 1000) * 1000),
  };
}

async function* none(): AsyncGenerator<Buffer> {}

const types: Record<string, string> = {
  '.xml': 'text/xml',
  '.html': 'text/html',
  '.gz': 'application/x-gzip',
  '.rpm': 'application/x-rpm',
  '.asc': 'text/plain',
  '.key': 'text/plain',
};

/** A reply of some status with a small body, otherwise honest. */
export function statusReply(status: number, text = '', headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status,
    headers: Object.entries(headers),
    body: bytesBody(Buffer.from(text)),
    start: 0,
    framing: 'length',
    before: null,
    events: [],
    rate: null,
    until: null,
    raw: null,
  };
}

/** What an honest server answers: 200, 206 (single ranges), 304, 404, 405 or 416. */
export function honestReply(file: OriginFile | null, request: OriginRequest): Reply {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return statusReply(405, 'method not allowed\n', { allow: 'GET, HEAD' });
  }
  if (file === null) return statusReply(404, 'not found\n', { 'content-type': 'text/plain' });
  const lastModified = file.lastModified.toUTCString();
  const validators: [string, string][] = [
    ['etag', file.etag],
    ['last-modified', lastModified],
  ];
  const { headers } = request;
  if (isUnchanged(headers, file)) return { ...statusReply(304), headers: validators };

  const whole: Reply = {
    ...statusReply(200),
    headers: [
      ['content-type', types[extname(request.path)] ?? 'application/octet-stream'],
      ['accept-ranges', 'bytes'],
      ...validators,
    ],
    body: file.body,
  };
  const ifRange = headers['if-range'];
  if (headers['range'] === undefined || (ifRange !== undefined && ifRange !== file.etag && ifRange !== lastModified)) {
    return whole;
  }
  const size = file.body.length;
  const range = singleRange(headers['range'], size);
  if (range === null) return whole;
  if (range === 'unsatisfiable') return statusReply(416, '', { 'content-range': `bytes */${size}` });
  return {
    ...whole,
    status: 206,
    start: range.start,
    headers: [...whole.headers, ['content-range', `bytes ${range.start}-${range.end - 1}/${size}`]],
    body: part(file.body, range.start, range.end),
  };
}

/** The bytes `[start, end)` of another body. */
export function part(body: ReplyBody, start: number, end: number): ReplyBody {
  return { length: end - start, read: (from, to) => body.read(start + from, start + to) };
}

function isUnchanged(headers: OriginRequest['headers'], file: OriginFile): boolean {
  const noneMatch = headers['if-none-match'];
  if (noneMatch !== undefined) return noneMatch.split(',').some((tag) => tag.trim() === file.etag);
  const since = headers['if-modified-since'];
  return since !== undefined && file.lastModified.getTime() <= Date.parse(since);
}

function singleRange(header: string, size: number): { start: number; end: number } | 'unsatisfiable' | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header);
  if (match === null || (match[1] === '' && match[2] === '')) return null;
  const [, first = '', last = ''] = match;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  return start >= size || start >= end ? 'unsatisfiable' : { start, end };
}
