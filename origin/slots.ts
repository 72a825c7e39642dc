import { fromFirst } from '../base/transfer.ts';
import type { Purpose } from '../base/transfer.ts';
import type { Payer } from './throttle.ts';

type Counts = Record<Purpose, number>;

/** Who wants a slot. */
export interface Entrant extends Payer {
  /** It has one now, of this hub and for the purpose that it has now. */
  admitted(origin: string): void;
}

interface Waiter {
  readonly entrant: Entrant;
  readonly go: () => void;
}

/** One hub: scheme, host and port. */
interface Hub {
  readonly origin: string;
  readonly busy: Counts;
  readonly waiting: Readonly<Record<Purpose, Waiter[]>>;
}

export interface SlotLimits {
  readonly perHub: number;
  readonly total: number;
  /** Background transfers that make sense now: at the rate in force one at least, in a pause none. */
  readonly background: () => number;
}

/**
 * Who may transfer at a time, of each hub and in all. Each purpose sees itself and those before it: clients never wait;
 * metadata waits for clients and metadata; background work gets what both leave, and one slot at least, unless it is paused. Hubs take turns.
 */
export class Slots {
  readonly #limits: SlotLimits;
  readonly #busy: Counts = nobody();
  readonly #hubs = new Map<string, Hub>();
  /** In all lines: mostly nobody, and every transfer that ends looks. */
  #waiters = 0;

  constructor(limits: SlotLimits) {
    this.#limits = limits;
  }

  get busy(): Readonly<Counts> {
    return this.#busy;
  }

  get waiting(): Readonly<Counts> {
    const counts = nobody();
    for (const { waiting } of this.#hubs.values())
      for (const purpose of fromFirst) counts[purpose] += waiting[purpose].length;
    return counts;
  }

  /**
   * @returns when the slot is taken; nothing when that is now.
   * @throws the signal's reason; nothing is taken then.
   */
  take(origin: string, entrant: Entrant, signal: AbortSignal): void | Promise<void> {
    const hub = this.#hub(origin);
    if (!this.#free(hub, entrant.purpose)) return this.#wait(hub, entrant, signal);
    this.occupy(origin, entrant);
  }

  /** Takes a slot whether one is free or not. */
  occupy(origin: string, entrant: Entrant): void {
    this.#count(origin, entrant.purpose, 1);
    entrant.admitted(origin);
  }

  release(origin: string, purpose: Purpose): void {
    this.#count(origin, purpose, -1);
    this.letInWaiting();
  }

  /** Who holds a slot has become a client. */
  hurried(origin: string, before: Purpose): void {
    this.#count(origin, 'client', 1);
    this.release(origin, before);
  }

  /** Who waits has become a client: in at once. */
  letIn(origin: string, entrant: Entrant, before: Purpose): void {
    const line = this.#hub(origin).waiting[before];
    const at = line.findIndex((waiter) => waiter.entrant === entrant);
    if (at >= 0) line.splice(at, 1)[0]?.go();
  }

  #wait(hub: Hub, entrant: Entrant, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { purpose } = entrant;
    const waiter: Waiter = {
      entrant,
      go: () => {
        this.#waiters -= 1;
        signal.removeEventListener('abort', leave);
        this.occupy(hub.origin, entrant);
        resolve();
      },
    };
    const leave = (): void => {
      this.#waiters -= 1;
      hub.waiting[purpose].splice(hub.waiting[purpose].indexOf(waiter), 1);
      reject(signal.reason as Error);
    };
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    hub.waiting[purpose].push(waiter);
    this.#waiters += 1;
    return promise;
  }

  /** Lets in who may be: after a slot was left, or when a pause may be over. */
  letInWaiting(): void {
    if (this.#waiters === 0) return;
    for (const purpose of fromFirst) {
      // A copy: who gets a slot goes to the end of the line of hubs.
      for (const hub of this.#hubs.values().toArray()) {
        while (hub.waiting[purpose].length > 0 && this.#free(hub, purpose)) {
          hub.waiting[purpose].shift()?.go();
          this.#hubs.delete(hub.origin);
          this.#hubs.set(hub.origin, hub);
        }
      }
    }
  }

  #count(origin: string, purpose: Purpose, change: number): void {
    this.#hub(origin).busy[purpose] += change;
    this.#busy[purpose] += change;
  }

  #free(hub: Hub, purpose: Purpose): boolean {
    if (purpose === 'client') return true;
    const { perHub, total, background } = this.#limits;
    const most = purpose === 'background' ? background() : Infinity;
    if (most === 0) return false;
    return room(hub.busy, purpose, Math.min(perHub, most)) && room(this.#busy, purpose, Math.min(total, most));
  }

  #hub(origin: string): Hub {
    let hub = this.#hubs.get(origin);
    if (hub === undefined) {
      hub = { origin, busy: nobody(), waiting: { client: [], metadata: [], background: [] } };
      this.#hubs.set(origin, hub);
    }
    return hub;
  }
}

function nobody(): Counts {
  return { client: 0, metadata: 0, background: 0 };
}

function room(busy: Readonly<Counts>, purpose: Purpose, limit: number): boolean {
  if (busy[purpose] === 0) return true;
  const { client, metadata, background } = busy;
  // Itself and those before it.
  if (purpose === 'client') return client < limit;
  return client + metadata + (purpose === 'background' ? background : 0) < limit;
}
