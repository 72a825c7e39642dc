import type { Listed } from '../../base/digest.ts';
import type { WaystationError } from '../../base/errors.ts';
import { Growing } from './growing.ts';
import type { Part } from './part.ts';

/** A fill, as those see it who follow it, or decide about it. */
export interface Followable {
  readonly listed: Listed;
  readonly growing: Growing;
  /** It failed, or was told to give up: whoever comes now begins another. */
  readonly over: boolean;
  /** Bytes taken from upstream. */
  readonly progress: number;
  /** Up to where bytes are there: also those of an earlier try that are still being read again. */
  readonly reached: number;
  /** Bytes a second that come from upstream at present. @param now monotonic milliseconds. */
  rate(now: number): number;
  /** Gives up: followers see `reason`. */
  cancel(reason: WaystationError): void;
}

/** A file that is proven and whole, for clients that ask for it before it has its name. */
export class Whole implements Followable {
  readonly listed: Listed;
  readonly growing: Growing;
  readonly over = false;

  /** @param onIdle called when the last follower left. */
  constructor(listed: Listed, part: Part, onIdle: () => void) {
    this.listed = listed;
    this.growing = new Growing({ size: listed.size, part, onIdle });
    this.growing.verify(listed.size);
  }

  get progress(): number {
    return this.listed.size;
  }

  get reached(): number {
    return this.listed.size;
  }

  rate(): number {
    return 0;
  }

  cancel(): void {}
}
