import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { jsonBytes, readJson } from '../store/json-object.ts';
import { keysOf } from '../store/layout.ts';
import type { ObjectEntry, ObjectStore } from '../store/object-store.ts';

const leaseDocument = z.object({
  format: z.literal(1),
  kind: z.enum(['create', 'collect']),
  /** For people: what is under way. */
  what: z.string(),
  /** RFC 3339, by the clock of who took it. */
  started: z.iso.datetime(),
});

type LeaseKind = z.output<typeof leaseDocument>['kind'];

/** Milliseconds by the store's clock for which a lease counts after it was written, and after which it is written anew. */
const life: Readonly<Record<LeaseKind, number>> = { create: 120_000, collect: 30_000 };
const renewal: Readonly<Record<LeaseKind, number>> = { create: 15_000, collect: 5_000 };
/** Share of its life after which its holder does not trust a lease any more. */
const trusted = 0.5;
/** Milliseconds between two looks of who waits for a collection to give way. */
const look = 200;

/** Somebody's lease, as others see it. */
export interface SeenLease {
  readonly kind: LeaseKind;
  readonly what: string;
  readonly started: string;
}

/** A lease that is held: renewed by itself until it is let go. */
export interface Lease {
  /**
   * Nobody can have taken it for dead so far.
   * @throws WaystationError `store_busy` when its holder stood still for so long that somebody may have.
   */
  check(): void;
  /** What time it is by the store's clock: milliseconds since the epoch, at most as much behind as its renewals. */
  storeTime(): Promise<number>;
  /** The other leases that count now. */
  others(): Promise<readonly SeenLease[]>;
  end(): Promise<void>;
}

/**
 * Who makes snapshots and who collects exclude each other by objects in the store that are renewed while the work goes
 * on. Either writes its own first and looks for the others' then, so that one of two at least sees the other: a
 * collection gives way, the making of a snapshot waits for that. What a kill leaves counts for a while, by the store's
 * own clock.
 */
export class Leases {
  readonly #store: ObjectStore;
  readonly #clock: Clock;

  constructor({ store, clock }: { readonly store: ObjectStore; readonly clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
  }

  /** For the making of a snapshot: resolves when nothing is collected. Several may be made at a time. */
  async create(what: string, signal: AbortSignal): Promise<Lease> {
    const lease = await this.#take('create', what);
    try {
      while ((await lease.others()).some(({ kind }) => kind === 'collect')) await this.#clock.sleep(look, signal);
      return lease;
    } catch (error) {
      await lease.end();
      throw error;
    }
  }

  /** For a collection. @throws WaystationError `store_busy` while a snapshot is made, or another one collects. */
  async collect(): Promise<Lease> {
    const lease = await this.#take('collect', 'collection');
    const [other] = await lease.others();
    if (other === undefined) return lease;
    await lease.end();
    throw new WaystationError('store_busy', `nothing is collected during ${other.what}, begun ${other.started}`);
  }

  async #take(kind: LeaseKind, what: string): Promise<Lease> {
    const started = new Date(this.#clock.now()).toISOString();
    const key = `${keysOf.leases}${kind}-${randomBytes(8).toString('hex')}.json`;
    const bytes = jsonBytes({ format: 1, kind, what, started });
    let written = this.#clock.monotonic();
    let lost = false;
    /** What was lost once is not had back by a later write: somebody may have come in between. */
    const isLost = (): boolean => (lost ||= this.#clock.monotonic() - written >= life[kind] * trusted);
    const write = async (): Promise<void> => {
      const now = this.#clock.monotonic();
      await this.#store.put(key, bytes);
      if (!isLost()) written = now;
    };
    await write();
    const ending = new AbortController();
    const renewing = this.#renew(write, renewal[kind], ending.signal);
    return {
      check: () => {
        if (!isLost()) return;
        throw new WaystationError('store_busy', `${what} stood still for too long to go on: run it again`);
      },
      storeTime: async () => (await this.#own(key)).written,
      others: () => this.#others(key),
      end: async () => {
        ending.abort(new Error('let go'));
        await renewing;
        await this.#store.delete(key);
      },
    };
  }

  /** A write that fails is tried again; `check` tells when it has failed for too long. */
  async #renew(write: () => Promise<void>, every: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.#clock.sleep(every, signal);
      } catch {
        return;
      }
      await write().catch(() => {});
    }
  }

  async #own(key: string): Promise<ObjectEntry> {
    for await (const entry of this.#store.list(keysOf.leases)) if (entry.key === key) return entry;
    throw new WaystationError('store_damaged', `${key} was removed by somebody else`);
  }

  /** The own one tells what time it is by the store's clock, or was a moment ago: that lets others count for longer. */
  async #others(own: string): Promise<readonly SeenLease[]> {
    const mine = await this.#own(own);
    const seen: SeenLease[] = [];
    for await (const { key, written } of this.#store.list(keysOf.leases)) {
      if (key === own) continue;
      const lease = await readJson(this.#store, key, leaseDocument);
      if (lease === null) continue;
      if (mine.written - written < life[lease.value.kind]) seen.push(lease.value);
      // Left behind by a kill: nobody renews it any more, and who stood still finds out by its own clock.
      else await this.#store.delete(key);
    }
    return seen;
  }
}
