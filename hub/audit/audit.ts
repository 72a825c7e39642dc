import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { jsonBytes, readJson } from '../store/json-object.ts';
import { keysOf } from '../store/layout.ts';
import { wholeObject } from '../store/object-store.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** What can be done to a hub. */
const changes = [
  'hub.init',
  'hub.restored',
  'token.create',
  'token.revoke',
  'operator.create',
  'operator.revoke',
  'pop.register',
  'pop.renew',
  'pop.revoke',
  'pop.label',
  'pop.rename',
  'assignments.set',
  'channel.promote',
  'channel.rollback',
  'snapshot.create',
  'snapshot.retire',
  'snapshot.remove',
  'snapshot.note',
  'keys.rotate',
  'keys.retire',
] as const;

const actor = z.object({
  /** A user of the hub's machine, an operator with a token, a PoP, or the hub by itself. */
  kind: z.enum(['user', 'operator', 'pop', 'hub']),
  name: z.string(),
  /** Of an operator or a PoP. */
  id: z.string().nullable(),
  /** Address; null: the hub's own machine. */
  from: z.string().nullable(),
});

const entry = z.object({
  format: z.literal(1),
  at: z.iso.datetime(),
  who: actor,
  what: z.string(),
  /** Name or id of what was changed. */
  on: z.string(),
  /** What it became. */
  to: z.string().nullable(),
  why: z.string().nullable(),
});

/** Who did something. */
export type Actor = z.output<typeof actor>;
/** Something that was done. Never has a secret. */
export type AuditEntry = z.output<typeof entry>;

/** What is to be noted; its time is that of the call. */
export interface Done {
  readonly who: Actor;
  readonly what: (typeof changes)[number];
  readonly on: string;
  readonly to?: string | null;
  readonly why?: string | null;
}

/**
 * What was done, by whom and why: an object for each change, put once, never changed or removed. It is written right
 * after the change; of one that was cut off in between, only what was changed tells (`revoked`, history of channels).
 */
export class Audit {
  readonly #store: ObjectStore;
  readonly #clock: Clock;

  constructor({ store, clock }: { readonly store: ObjectStore; readonly clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
  }

  async note(done: Done): Promise<void> {
    const at = new Date(this.#clock.now()).toISOString();
    const bytes = jsonBytes(entry.parse({ format: 1, at, to: null, why: null, ...done }));
    while (!(await this.#store.putIfAbsent(keyAt(at), wholeObject(bytes))));
  }

  /** In the order of time. @param since milliseconds since the epoch. */
  async *list(since = -Infinity): AsyncGenerator<AuditEntry> {
    const first = Number.isFinite(since) ? keyAt(new Date(since).toISOString(), '') : '';
    for await (const { key } of this.#store.list(keysOf.audit)) {
      const found = key < first ? null : await readJson(this.#store, key, entry);
      if (found !== null) yield found.value;
    }
  }
}

/** Sorts by time. @param at RFC 3339. */
function keyAt(at: string, random = randomBytes(4).toString('hex')): string {
  return `${keysOf.audit}${at.replace(/[-:]/g, '')}-${random}.json`;
}
