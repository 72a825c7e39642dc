import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** A running origin. */
export interface Origin {
  /** Ends in a slash. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * A small, honest web server for a folder, as an origin of packages is: GET and HEAD, one range, validators. For the
 * demo and for tests that need nothing worse.
 * @param directory what it serves
 * @param port on 127.0.0.1; 0 takes a free one
 */
export async function startOrigin(directory: string, port = 0): Promise<Origin> {
  const server = createServer((request, response) => {
    answer(directory, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(directory: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(405).end();
  const path = pathOf(request.url ?? '/');
  const file = path === null ? null : join(directory, path);
  const found = file === null ? null : await stat(file).catch(() => null);
  if (file === null || !found?.isFile()) return void response.writeHead(404).end('not found\n');

  const etag = `"${found.size.toString(16)}-${Math.trunc(found.mtimeMs).toString(16)}"`;
  const validators = { etag, 'last-modified': found.mtime.toUTCString(), 'accept-ranges': 'bytes' };
  if (request.headers['if-none-match'] === etag) return void response.writeHead(304, validators).end();

  const range = rangeOf(request.headers.range, found.size);
  const { first, last } = range ?? { first: 0, last: found.size - 1 };
  response.writeHead(range ? 206 : 200, {
    ...validators,
    'content-type': 'application/octet-stream',
    'content-length': last - first + 1,
    ...(range ? { 'content-range': `bytes ${first}-${last}/${found.size}` } : {}),
  });
  if (request.method === 'HEAD' || found.size === 0) return void response.end();
  // A client that leaves is nothing to report.
  await pipeline(createReadStream(file, { start: first, end: last }), response).catch(() => {});
}

/** The decoded path inside the folder; null when it does not decode or climbs out. */
function pathOf(url: string): string | null {
  try {
    const path = decodeURIComponent(url.replace(/[?#].*/s, ''));
    return path.includes('\0') || normalize(path).startsWith('..') || path.split('/').includes('..') ? null : path;
  } catch {
    return null;
  }
}

/** One satisfiable `bytes=a-b` or `bytes=a-` (RFC 9110 section 14.1.2); anything else is ignored, as a server may. */
function rangeOf(header: string | undefined, size: number): { first: number; last: number } | null {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  if (!match) return null;
  const first = Number(match[1]);
  const last = match[2] ? Math.min(Number(match[2]), size - 1) : size - 1;
  return first <= last ? { first, last } : null;
}
