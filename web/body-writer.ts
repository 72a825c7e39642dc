import type { ServerResponse } from 'node:http';
import type { ByteSource } from '../base/body.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { Segment } from '../http/multipart.ts';
import { bufferPool, type BufferPool } from './buffer-pool.ts';
import { openOutlet, type Outlet } from './outlet.ts';

/**
 * How a body ended. `complete`: the kernel has all of it. `aborted`: the client left, or took nothing for too long.
 * `cut`: the source failed, and the connection was closed short of the end.
 */
export interface SendResult {
  /** Body bytes handed to the kernel, as far as is known. */
  readonly bytes: number;
  readonly ended: 'complete' | 'aborted' | 'cut';
  /** Why it was cut; null otherwise. */
  readonly error: WaystationError | null;
}

export interface SendOptions {
  /**
   * Called once, just before the first byte (or the end of an empty body). A caller that writes its head only here can
   * still answer with an error: when the source fails before, `cut` is returned, `response.headersSent` is false and
   * the response is untouched. In every other case a failure closes the connection.
   */
  readonly onFirstByte?: () => void;
  /** Milliseconds without progress after which a client is dropped (within twice that); see `openOutlet`. */
  readonly stall?: number;
  readonly pool?: BufferPool;
}

const sharedPool = bufferPool();
const defaultStall = 60_000;

/**
 * Sends a part of a source as the body of a response whose head the caller has set. Reads into a pooled buffer and
 * writes from it in turns: there is never more than one buffer a client, and a client that does not read costs nobody
 * anything else. Never rejects. The source is released exactly once, after its last read has settled.
 * @param start first byte.
 * @param end byte after the last; null for the end of the source.
 */
export function sendBody(
  response: ServerResponse,
  source: ByteSource,
  start: number,
  end: number | null,
): Promise<SendResult> {
  return sendSegments(response, source, [{ kind: 'range', start, end: end ?? source.size ?? Infinity }]);
}

/**
 * Sends texts and parts of a source in order, as `sendBody` does, for multipart answers and for callers with options.
 * A range may end at Infinity when the size of the source is null.
 */
export async function sendSegments(
  response: ServerResponse,
  source: ByteSource,
  segments: readonly Segment[],
  options: SendOptions = {},
): Promise<SendResult> {
  const outlet = openOutlet(response, options.stall ?? defaultStall);
  const pool = options.pool ?? sharedPool;
  const buffer = pool.lend(segments.reduce((sum, segment) => sum + lengthOf(segment), 0));
  const progress: Progress = {
    outlet,
    buffer,
    filled: 0,
    bytes: 0,
    bufferInFlight: false,
    onFirstByte: options.onFirstByte,
  };
  let error: WaystationError | null = null;
  let complete = false;
  try {
    complete = (await writeAll(progress, source, segments)) && (await finish(progress));
  } catch (thrown) {
    error = asWaystationError(thrown);
  }
  outlet.detach();
  if (progress.bufferInFlight) pool.forget(buffer);
  else pool.giveBack(buffer);
  source.release();
  if (complete) return { bytes: progress.bytes, ended: 'complete', error: null };
  if (error === null || outlet.left) return { bytes: progress.bytes, ended: 'aborted', error: null };
  const answerable = options.onFirstByte !== undefined && !response.headersSent;
  if (!answerable) cut(response, source);
  return { bytes: progress.bytes, ended: 'cut', error };
}

/** One body under way. */
interface Progress {
  readonly outlet: Outlet;
  readonly buffer: Buffer;
  /** Bytes at the start of the buffer that wait to be written. */
  filled: number;
  /** Bytes that the kernel has. */
  bytes: number;
  /** Whether the connection may still refer to the buffer. */
  bufferInFlight: boolean;
  onFirstByte: (() => void) | undefined;
}

/** Returns false when the client left. Rejects when the source fails. */
async function writeAll(progress: Progress, source: ByteSource, segments: readonly Segment[]): Promise<boolean> {
  for (const segment of segments) {
    const written =
      segment.kind === 'text'
        ? await writeText(progress, segment.bytes)
        : await writeRange(progress, source, segment.start, segment.end);
    if (!written) return false;
  }
  return flush(progress);
}

/** Texts are small: they travel with what comes before and after them. */
async function writeText(progress: Progress, text: Buffer): Promise<boolean> {
  for (let taken = 0; taken < text.length;) {
    const copied = text.copy(progress.buffer, progress.filled, taken);
    taken += copied;
    progress.filled += copied;
    if (progress.filled === progress.buffer.length && !(await flush(progress))) return false;
  }
  return true;
}

/** Whatever a read brings is written at once, but the end of a range waits for what follows it in the buffer. */
async function writeRange(progress: Progress, source: ByteSource, start: number, end: number): Promise<boolean> {
  const { buffer, outlet } = progress;
  for (let position = start; position < end;) {
    if (outlet.left) return false;
    const wanted = Math.min(end - position, buffer.length - progress.filled);
    const target = progress.filled === 0 ? buffer : buffer.subarray(progress.filled);
    const read = await source.read(target, position, wanted);
    if (read === 0 && source.size === null) return true;
    if (!(read > 0 && read <= wanted)) throw brokenSource(position, end);
    position += read;
    progress.filled += read;
    if ((position < end || progress.filled === buffer.length) && !(await flush(progress))) return false;
  }
  return true;
}

async function flush(progress: Progress): Promise<boolean> {
  const { outlet, buffer, filled } = progress;
  if (outlet.left || filled === 0) return !outlet.left;
  firstByte(progress);
  progress.bufferInFlight = true;
  if (!(await outlet.write(buffer.subarray(0, filled)))) return false;
  progress.bufferInFlight = false;
  progress.bytes += filled;
  progress.filled = 0;
  return true;
}

function finish(progress: Progress): Promise<boolean> {
  firstByte(progress);
  return progress.outlet.end();
}

function firstByte(progress: Progress): void {
  if (progress.outlet.left) return;
  progress.onFirstByte?.();
  progress.onFirstByte = undefined;
}

/**
 * Closes the connection so that no client can take what it got for the whole. A missing length or last chunk says so;
 * HTTP/1.0 without a length ends with the connection, and only a reset is not an end.
 */
function cut(response: ServerResponse, source: ByteSource): void {
  const { socket } = response;
  if (socket !== null && source.size === null && response.req.httpVersion === '1.0' && !('encrypted' in socket)) {
    socket.resetAndDestroy();
  } else {
    response.destroy();
  }
}

function lengthOf(segment: Segment): number {
  return segment.kind === 'text' ? segment.bytes.length : segment.end - segment.start;
}

function brokenSource(position: number, end: number): WaystationError {
  return new WaystationError('internal', `a source ended at byte ${position} of ${end}`);
}
