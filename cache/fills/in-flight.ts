import type { Listed } from '../../base/digest.ts';
import type { WaystationError } from '../../base/errors.ts';
import type { Loader } from '../../base/transfer.ts';
import type { Fill } from './fill.ts';

export interface FillRequest {
  readonly scope: string;
  readonly listed: Listed;
  /** Called when this request starts the fill, and for each transfer of its own. */
  readonly loader: () => Loader;
  /** Bytes that an earlier run left, to be proven or thrown away: looked for also when the file is small. */
  readonly adopt?: boolean;
}

/** A fill under way, as those who wait for it share it. */
export interface InFlight {
  /** null: it cannot be stored, and is too large to be shared in memory. */
  readonly begun: Promise<Fill | null>;
  /** As soon as it has begun: who finds it here can follow it at once, before it lets go of its part. */
  fill: Fill | null;
  /** Settles when the file is held, or will not be. */
  readonly stored: Promise<void>;
  /** Resolves when nothing is left of it but the file. */
  readonly gone: Promise<void>;
  readonly adopting: boolean;
  storing: boolean;
  /** A client asked for it: a prefetched file has to be asked for first, to stay as long. */
  asked: boolean;
  /** Of its transfers; null until it has begun. */
  loader: Loader | null;
  /** Syncs that wait for it: it goes on without followers. */
  wanted: number;
  /** Ends the wait for someone to come back. */
  comeBack: AbortController | null;
}

/** A client asks for it: what is left of its transfer is no background work any more. */
export function clientCame(entry: InFlight): void {
  entry.asked = true;
  entry.loader?.hurry?.();
}

/** It is transferred by this loader. Clients may have come before. */
export function begunWith(entry: InFlight, loader: Loader): void {
  entry.loader = loader;
  if (entry.asked) loader.hurry?.();
}

/** Whether a fill ended for a reason of its own, so that one who had joined it begins another. */
export function notForOthers(entry: InFlight, failure: WaystationError): boolean {
  return failure.code === 'cancelled' || (entry.adopting && failure.source === 'origin');
}

export function keyOf(request: Pick<FillRequest, 'scope' | 'listed'>): string {
  return `${request.scope}/${request.listed.digest}.${request.listed.size}`;
}
