import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { heartbeat } from '../../protocol/heartbeat.ts';
import type { Heartbeat } from '../../protocol/heartbeat.ts';
import { jsonBytes, readJson } from '../store/json-object.ts';
import { keysOf } from '../store/layout.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** Milliseconds between two writes of one PoP's: in between it is only in memory. */
const writePace = 5_000;

const kept = z.object({
  format: z.literal(1),
  /** By the hub's clock. */
  received: z.iso.datetime(),
  /** Channels that the PoP did not serve as they are → since when that has been so. */
  behind: z.record(z.string(), z.iso.datetime()),
  document: heartbeat,
});

/** The last heartbeat of a PoP, and what the hub thought of it. */
export type KeptHeartbeat = z.output<typeof kept>;

interface InMemory {
  readonly kept: KeptHeartbeat;
  readonly written: number;
  readonly isWritten: boolean;
}

/** The last heartbeat of each PoP. A hub that is killed loses the last seconds of them, which come again. */
export class Heartbeats {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #last = new Map<string, InMemory>();

  constructor({ store, clock }: { readonly store: ObjectStore; readonly clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
  }

  /** null: it has never been heard of. */
  async last(pop: string): Promise<KeptHeartbeat | null> {
    return this.#last.get(pop)?.kept ?? this.#stored(pop);
  }

  /** One that is damaged is none: the next one comes soon, and takes its place. */
  async #stored(pop: string): Promise<KeptHeartbeat | null> {
    try {
      return (await readJson(this.#store, keysOf.heartbeat(pop), kept))?.value ?? null;
    } catch (error) {
      if (error instanceof WaystationError && error.code === 'store_damaged') return null;
      throw error;
    }
  }

  /** @param pointed channel → the snapshot that it points to. */
  async keep(pop: string, document: Heartbeat, pointed: ReadonlyMap<string, string>): Promise<void> {
    const before = await this.last(pop);
    const received = new Date(this.#clock.now()).toISOString();
    const behind = document.channels.flatMap(({ channel, snapshot }) => {
      const target = pointed.get(channel);
      if (target === undefined || target === snapshot) return [];
      return [[channel, before?.behind[channel] ?? received] as const];
    });
    const written = this.#last.get(pop)?.written ?? -Infinity;
    const made = { kept: { format: 1, received, behind: Object.fromEntries(behind), document } as const, written };
    this.#last.set(pop, { ...made, isWritten: false });
    if (this.#clock.monotonic() - written >= writePace) await this.#write(pop);
  }

  /** Writes what is only in memory. @param all also what was written a moment ago. */
  async flush(all = false): Promise<void> {
    for (const [pop, { written, isWritten }] of this.#last)
      if (!isWritten && (all || this.#clock.monotonic() - written >= writePace)) await this.#write(pop);
  }

  async #write(pop: string): Promise<void> {
    const own = this.#last.get(pop);
    if (own === undefined) return;
    // Counts as written from here, so that no second one begins meanwhile; one that fails is due again at the next.
    this.#last.set(pop, { ...own, written: this.#clock.monotonic(), isWritten: true });
    try {
      await this.#store.put(keysOf.heartbeat(pop), jsonBytes(own.kept));
    } catch (error) {
      const now = this.#last.get(pop);
      if (now !== undefined) this.#last.set(pop, { ...now, isWritten: false });
      throw error;
    }
  }
}
