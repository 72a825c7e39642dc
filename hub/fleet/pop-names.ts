import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { jsonBytes, readJson } from '../store/json-object.ts';
import type { Versioned } from '../store/json-object.ts';
import { keysOf } from '../store/layout.ts';
import { wholeObject } from '../store/object-store.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { isRegistered } from './pop-records.ts';
import type { PopRecord, PopRecords } from './pop-records.ts';

/** Milliseconds for which what a registration under way has claimed is left to it. */
export const claimGrace = 30_000;

const pointer = z.object({ pop: z.uuid(), at: z.iso.datetime(), claim: z.uuid() });
type Pointer = z.output<typeof pointer>;

/**
 * Which PoP has which name: a pointer for each name, that counts as long as the record of its PoP says the same. So a
 * name is free again when its PoP is revoked or renamed, and nothing has to be removed. Whoever takes a name over first
 * sees to it that the PoP the pointer leads to cannot take it any more: no two PoPs have one name, whatever is cut off.
 */
export class PopNames {
  readonly #store: ObjectStore;
  readonly #pops: PopRecords;
  readonly #clock: Clock;

  constructor({
    store,
    pops,
    clock,
  }: {
    readonly store: ObjectStore;
    readonly pops: PopRecords;
    readonly clock: Clock;
  }) {
    this.#store = store;
    this.#pops = pops;
    this.#clock = clock;
  }

  /** The PoP that has this name now, not revoked; null: nobody has. */
  async holder(name: string): Promise<Versioned<PopRecord> | null> {
    const claimed = await this.#read(name);
    const found = claimed === null ? null : await this.#pops.find(claimed.value.pop);
    if (found === null || !isRegistered(found.value)) return null;
    const { value, version } = found;
    return value.name === name && value.revoked === null ? { value, version } : null;
  }

  /**
   * Points a name to a PoP whose record will say so. For a PoP that has a record: it was read before, and is replaced
   * only as it was read. @throws WaystationError `pop_name_taken`
   */
  async claim(name: string, id: string): Promise<void> {
    for (;;) {
      const before = await this.#read(name);
      const made: Pointer = { pop: id, at: new Date(this.#clock.now()).toISOString(), claim: randomUUID() };
      if (before === null) {
        if (await this.#store.putIfAbsent(keysOf.popName(name), wholeObject(jsonBytes(made)))) return;
        continue;
      }
      // Written again when it is one's own, too: who is about to take it over has read it as it was.
      if (before.value.pop !== id) {
        const state = await this.#stateOf(name, before.value);
        if (state === 'taken') throw new WaystationError('pop_name_taken', `another PoP is called ${name}`);
        if (state === 'changed') continue;
      }
      if ((await this.#store.putIfMatch(keysOf.popName(name), jsonBytes(made), before.version)) !== null) return;
    }
  }

  async #stateOf(name: string, { pop, at }: Pointer): Promise<'taken' | 'free' | 'changed'> {
    const found = await this.#pops.find(pop);
    if (found === null) {
      if (this.#clock.now() - Date.parse(at) < claimGrace) return 'taken';
      return (await this.#pops.abandon(pop)) ? 'free' : 'changed';
    }
    const { value, version } = found;
    if (!isRegistered(value) || value.revoked !== null) return 'free';
    if (value.name === name) return 'taken';
    // It may be about to be renamed to this: that fails, once its record is another.
    return (await this.#pops.replace(value, version)) === null ? 'changed' : 'free';
  }

  #read(name: string): Promise<Versioned<Pointer> | null> {
    return readJson(this.#store, keysOf.popName(name), pointer);
  }
}
