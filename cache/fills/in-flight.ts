import type { WaystationError } from '../../base/errors.ts';
import type { Fill } from './fill.ts';

/** A fill under way, as those see it who come for the same file. */
export interface InFlight {
  /** null: it cannot be stored, and is too large to be shared in memory. */
  readonly begun: Promise<Fill | null>;
  /** Settles when the file is held, or will not be. */
  readonly stored: Promise<void>;
  /** Resolves when nothing is left of it but the file. */
  readonly gone: Promise<void>;
  readonly adopting: boolean;
  storing: boolean;
  /** Syncs that wait for it: it goes on without followers. */
  wanted: number;
  /** Ends the wait for someone to come back. */
  comeBack: AbortController | null;
}

/** Whether a fill ended for a reason of its own, so that one who had joined it begins another. */
export function notForOthers(entry: InFlight, failure: WaystationError): boolean {
  return failure.code === 'cancelled' || (entry.adopting && failure.source === 'origin');
}
