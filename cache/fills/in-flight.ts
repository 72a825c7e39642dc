import type { Listed } from '../../base/digest.ts';
import { Ending } from './ending.ts';
import type { WaystationError } from '../../base/errors.ts';
import type { Loader } from '../../base/transfer.ts';
import type { Followable } from './followable.ts';

export interface FillRequest {
  readonly scope: string;
  readonly listed: Listed;
  /** Called when this request starts the fill, and for each transfer of its own. */
  readonly loader: () => Loader;
  /** Told when the bytes are in a file, or will not come. */
  readonly teller?: Pick<Loader, 'received'>;
  /** Bytes that an earlier run left, to be proven or thrown away: looked for also when the file is small. */
  readonly adopt?: boolean;
}

/** A fill under way, as those who wait for it share it. */
export class InFlight {
  readonly key: string;
  readonly adopting: boolean;
  /** As soon as it has begun: who finds it here can follow it at once, before it lets go of its part. */
  fill: Followable | null = null;
  /** With null: it cannot be stored, and is too large to be shared in memory. */
  readonly begun = new Ending<Followable | null>();
  /** When the file is held, or will not be. */
  readonly stored = new Ending<void>();
  /** When nothing is left of it but the file. */
  readonly gone = new Ending<void>();
  storing = true;
  /** A client asked for it: a prefetched file has to be asked for first, to stay as long. */
  asked = false;
  /** Syncs that wait for it: it goes on without followers. */
  wanted = 0;
  /** Ends the wait for someone to come back. */
  comeBack: AbortController | null = null;
  /** Of its transfers; null until it has begun. */
  #loader: Loader | null = null;
  #makeWhole: (() => Followable) | null = null;
  #isReceived = false;
  /** Mostly there is one. */
  #teller: Pick<Loader, 'received'> | null = null;
  #tellers: Pick<Loader, 'received'>[] | null = null;

  constructor(key: string, adopting: boolean) {
    this.key = key;
    this.adopting = adopting;
  }

  /** A client asks for it: what is left of its transfer is no background work any more. */
  clientCame(): void {
    this.asked = true;
    this.#loader?.hurry?.();
  }

  /** It is transferred by this loader. Clients may have come before. */
  begunWith(loader: Loader): void {
    this.#loader = loader;
    if (this.asked) loader.hurry?.();
  }

  has(fill: Followable): void {
    this.fill = fill;
    this.begun.resolve(fill);
  }

  /** Its bytes are proven without a fill. One is made for clients, of whom there is mostly none. */
  isWhole(make: () => Followable): void {
    this.#makeWhole = make;
    if (this.asked) this.has(make());
  }

  /** Whether there is, or will be, nothing to give up any more. */
  get whole(): boolean {
    return this.#makeWhole !== null;
  }

  /** What clients follow, once there is something; null: it cannot be shared. */
  following(): Followable | Promise<Followable | null> {
    if (this.fill === null && this.#makeWhole !== null) this.has(this.#makeWhole());
    return this.fill ?? this.begun.promise;
  }

  /** Its bytes are in a file, or will not come: what is left is the disk's work. */
  received(): void {
    this.#isReceived = true;
    const first = this.#teller;
    const others = this.#tellers;
    this.#teller = null;
    this.#tellers = null;
    first?.received?.();
    if (others !== null) for (const teller of others) teller.received?.();
  }

  /** Who is told when it is received, or now. */
  tell(teller: Pick<Loader, 'received'>): void {
    if (this.#isReceived) teller.received?.();
    else if (this.#teller === null) this.#teller = teller;
    else (this.#tellers ??= []).push(teller);
  }

  /** Whether it ended for a reason of its own, so that one who had joined it begins another. */
  failedForItself(failure: WaystationError): boolean {
    return failure.code === 'cancelled' || (this.adopting && failure.source === 'origin');
  }
}

export function keyOf(request: Pick<FillRequest, 'scope' | 'listed'>): string {
  return `${request.scope}/${request.listed.digest}.${request.listed.size}`;
}
