import { ResponseReader } from '../../../origin/wire/response-reader.ts';
import type { Receiver } from '../../../origin/wire/response-reader.ts';
import type { ResponseHead } from '../../../origin/wire/response-head.ts';

/** What one response came to. */
export interface Read {
  readonly status: number | null;
  readonly headers: Readonly<Record<string, string>>;
  /** A character for each byte. */
  readonly body: string;
  /** null: it did not end. */
  readonly reusable: boolean | null;
  /** Name of the error, if there was one. */
  readonly error: string | null;
}

class Recorder implements Receiver {
  answer: ResponseHead | null = null;
  readonly chunks: Buffer[] = [];
  reusable: boolean | null = null;

  head(head: ResponseHead): void {
    if (this.answer !== null) throw new Error('two heads');
    this.answer = head;
  }

  chunk(chunk: Buffer): void {
    if (this.answer === null || this.reusable !== null || chunk.length === 0) throw new Error('a chunk out of turn');
    this.chunks.push(chunk);
  }

  end(reusable: boolean): void {
    if (this.answer === null || this.reusable !== null) throw new Error('an end out of turn');
    this.reusable = reusable;
  }
}

/** How bytes get into the reader: into the room that it gives, or in buffers of their own. */
export type Feeding = 'room' | 'buffers';

/** Has one response read from pieces; `closed`: the connection ends behind them. */
export function read(given: readonly Buffer[], feeding: Feeding, closed: boolean): Read {
  const recorder = new Recorder();
  const reader = new ResponseReader(recorder);
  reader.begin();
  let error: string | null = null;
  try {
    for (const piece of given) {
      if (recorder.reusable === false) break;
      if (feeding === 'buffers') reader.take(Buffer.from(piece));
      else fill(reader, piece);
    }
    if (closed && recorder.reusable === null) reader.eof();
  } catch (thrown) {
    error = thrown instanceof Error ? thrown.name : 'no error';
  }
  const { answer, chunks, reusable } = recorder;
  const fields = Object.entries(answer?.headers ?? {}) as readonly (readonly [string, string | undefined])[];
  return {
    status: answer?.status ?? null,
    headers: Object.fromEntries(fields.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
    body: Buffer.concat(chunks).toString('latin1'),
    reusable,
    error,
  };
}

/** As a socket does: never more than there is room for, and then again. */
function fill(reader: ResponseReader, piece: Buffer): void {
  const shared = new ResponseReader(new Recorder()).room();
  for (let at = 0; at < piece.length;) {
    const room = reader.room();
    if (room.length === 0) throw new Error('no room to read to');
    const count = piece.copy(room, 0, at);
    reader.took(count);
    // What is read next by anybody is written over it.
    if (room === shared) room.fill(0xee, 0, count);
    at += count;
  }
}

export function pieces(bytes: Buffer, size: number): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) found.push(bytes.subarray(at, at + size));
  return found;
}
