import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { Logger } from '../../base/log.ts';
import { popName } from '../../protocol/registration.ts';
import { jsonBytes, readJson } from '../store/json-object.ts';
import type { Versioned } from '../store/json-object.ts';
import { keysOf } from '../store/layout.ts';
import { wholeObject } from '../store/object-store.ts';
import type { ObjectStore, Version } from '../store/object-store.ts';
import { labels } from './labels.ts';

/** Milliseconds for which a record that was read is taken for what is the case. */
const fresh = 1_000;

const instant = z.iso.datetime();

const registered = z.object({
  format: z.literal(1),
  id: z.uuid(),
  /** Grows with each change of the record, also with those that leave the rest as it was. */
  revision: z.int().min(1),
  name: popName,
  labels,
  /** sha256 of the public key (SubjectPublicKeyInfo, DER) of the last certificate, hex. */
  key: z.string().regex(/^[0-9a-f]{64}$/),
  /** Id of the token by which it registered. */
  token: z.string(),
  registered: instant,
  /** Address that it registered from. */
  from: z.string(),
  /** End of the last certificate. */
  certificateEnds: instant,
  revoked: z.object({ at: instant, by: z.string(), why: z.string().nullable() }).nullable(),
});

/** A registration that was begun and given up: its id is never used again. */
const abandoned = z.object({ format: z.literal(1), id: z.uuid(), abandoned: instant });

const record = z.union([registered, abandoned]);

/** What the hub knows of a PoP that has registered. */
export type PopRecord = z.output<typeof registered>;
type AnyRecord = z.output<typeof record>;

export function isRegistered(of: AnyRecord): of is PopRecord {
  return 'registered' in of;
}

/**
 * The id of a PoP that registers with this key and token: the same each time, so that who asks again is known again
 * without an index. `attempt` counts those before it that were given up.
 */
export function popIdOf(token: string, key: string, attempt: number): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([token, key, attempt]))
    .digest();
  // RFC 9562 §5.8: version 8, whose content is one's own matter.
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The records of PoPs in a store. */
export class PopRecords {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #known = new Map<string, { readonly record: PopRecord | null; readonly at: number }>();

  /** @param options `log`: told of records that cannot be read; default: nobody is. */
  constructor(options: { readonly store: ObjectStore; readonly clock: Clock; readonly log?: Logger }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#log = options.log ?? silentLogger;
  }

  /** As it is in the store now. */
  async find(id: string): Promise<Versioned<AnyRecord> | null> {
    return readJson(this.#store, keysOf.pop(id), record);
  }

  /** As it was within the last second; null: no such PoP has registered. Cheap to ask with each request. */
  async known(id: string): Promise<PopRecord | null> {
    const at = this.#clock.monotonic();
    const last = this.#known.get(id);
    if (last !== undefined && at - last.at < fresh) return last.record;
    const found = (await this.find(id))?.value;
    const own = found === undefined || !isRegistered(found) ? null : found;
    // Who is not known is asked for by certificates of another store alone: nothing to remember.
    if (own === null) this.#known.delete(id);
    else this.#known.set(id, { record: own, at });
    return own;
  }

  /** @returns false when the id is taken: registered meanwhile, or given up. */
  async add(made: PopRecord): Promise<boolean> {
    return this.#store.putIfAbsent(keysOf.pop(made.id), wholeObject(jsonBytes(made)));
  }

  /** @returns the record as it is now, of the next revision; null when it is not as it was read. */
  async replace(changed: PopRecord, version: Version): Promise<PopRecord | null> {
    const next = { ...changed, revision: changed.revision + 1 };
    const replaced = await this.#store.putIfMatch(keysOf.pop(next.id), jsonBytes(next), version);
    this.#known.delete(next.id);
    return replaced === null ? null : next;
  }

  /** Sees to it that a registration that was begun never ends. @returns false when it has ended, or was given up before. */
  async abandon(id: string): Promise<boolean> {
    const document = { format: 1, id, abandoned: new Date(this.#clock.now()).toISOString() } as const;
    return this.#store.putIfAbsent(keysOf.pop(id), wholeObject(jsonBytes(document)));
  }

  /** Everyone that has registered, revoked ones too, by id. A record that cannot be read hides no other. */
  async *list(): AsyncGenerator<PopRecord> {
    for await (const { key } of this.#store.list(keysOf.pops)) {
      const found = (await this.#readable(key))?.value;
      if (found !== undefined && isRegistered(found)) yield found;
    }
  }

  async #readable(key: string): Promise<Versioned<AnyRecord> | null> {
    try {
      return await readJson(this.#store, key, record);
    } catch (error) {
      if (!(error instanceof WaystationError) || error.code !== 'store_damaged') throw error;
      this.#log.error({ path: key, error: error.message }, 'a PoP is passed over: its record is damaged');
      return null;
    }
  }
}
