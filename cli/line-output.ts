import { writeSync } from 'node:fs';
import { systemCode } from '../base/errors.ts';

/** Where lines go. `write` never throws and never waits. */
export interface LineOutput {
  write(line: string): void;
  /** Writes what is waiting, now. */
  flush(): void;
  /** Lines given up because nobody took them. */
  readonly lost: number;
}

/** Bytes (as UTF-16 units) that wait at most while the reader takes nothing: above it lines are lost, and counted. */
const mostWaiting = 64 * 1024 * 1024;
const writeAbove = 64 * 1024;
const retryAfter = 10;
/** How often a flush at exit tries a full pipe, every 10 ms, before it gives up: 5 s. */
const triesAtExit = 500;

/**
 * Lines to a descriptor, gathered for one turn of the event loop and then written by one synchronous write: in order,
 * and none under way that `exit` could tear, which an asynchronous write cannot promise. A descriptor that is full
 * (`EAGAIN`: somebody made it non-blocking) is tried again later; a closed one loses its lines.
 */
export function lineOutput(descriptor: number): LineOutput {
  let waiting: string[] = [];
  let length = 0;
  let remainder: Buffer | null = null;
  let scheduled = false;
  let lost = 0;

  /** @returns false when the descriptor takes no more now. */
  const drain = (): boolean => {
    if (waiting.length > 0) {
      const bytes = Buffer.from(waiting.join(''));
      remainder = remainder ? Buffer.concat([remainder, bytes]) : bytes;
      waiting = [];
      length = 0;
    }
    while (remainder && remainder.length > 0) {
      try {
        remainder = remainder.subarray(writeSync(descriptor, remainder));
      } catch (error) {
        const code = systemCode(error);
        if (code === 'EAGAIN') return false;
        if (code === 'EINTR') continue;
        remainder = null;
      }
    }
    remainder = null;
    return true;
  };
  const turn = (): void => {
    scheduled = false;
    if (!drain()) {
      scheduled = true;
      setTimeout(turn, retryAfter);
    }
  };
  return {
    write: (line) => {
      if (length + (remainder?.length ?? 0) + line.length > mostWaiting) {
        lost += 1;
        return;
      }
      waiting.push(line);
      length += line.length;
      if (remainder === null && length > writeAbove) drain();
      if (scheduled) return;
      scheduled = true;
      setImmediate(turn);
    },
    flush: () => {
      for (let tries = 0; !drain() && tries < triesAtExit; tries += 1)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryAfter);
    },
    get lost() {
      return lost;
    },
  };
}
