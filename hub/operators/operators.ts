import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { hashOfSecret, isSecretOf, newId, newSecret } from '../fleet/secret.ts';
import { jsonBytes, readJson } from '../store/json-object.ts';
import { keysOf } from '../store/layout.ts';
import { wholeObject } from '../store/object-store.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** Each may do what those before it may. */
export const operatorRoles = ['viewer', 'publisher', 'admin'] as const;
export type OperatorRole = (typeof operatorRoles)[number];

const instant = z.iso.datetime();

const operatorRecord = z.object({
  format: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{16}$/),
  /** sha256 of the secret, hex. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, { error: 'a-z, 0-9, ".", "_" and "-", at most 63' }),
  role: z.enum(operatorRoles),
  created: instant,
  expires: instant,
  by: z.string(),
  revoked: z.object({ at: instant, by: z.string() }).nullable(),
});

export type OperatorRecord = z.output<typeof operatorRecord>;

/** Somebody, or something, that may act on the hub from elsewhere. */
export interface Operator {
  readonly id: string;
  readonly name: string;
  readonly role: OperatorRole;
}

const prefix = 'wso1_';
const shape = /^wso1_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** Who may act on the hub from elsewhere, by tokens `wso1_ID_SECRET`. The store has hashes of their secrets. */
export class Operators {
  readonly #store: ObjectStore;
  readonly #clock: Clock;

  constructor({ store, clock }: { readonly store: ObjectStore; readonly clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * @param asked `ttl`: milliseconds from now.
   * @returns the token too, which nobody can ask for later.
   * @throws WaystationError `bad_request` for a name that is none.
   */
  async create({
    ttl,
    ...own
  }: {
    readonly name: string;
    readonly role: OperatorRole;
    readonly ttl: number;
    readonly by: string;
  }): Promise<{ readonly record: OperatorRecord; readonly text: string }> {
    const [now, secret, id] = [this.#clock.now(), newSecret(), newId()];
    const times = { created: new Date(now).toISOString(), expires: new Date(now + ttl).toISOString() };
    const made = operatorRecord.safeParse({
      format: 1,
      id,
      hash: hashOfSecret(secret),
      revoked: null,
      ...times,
      ...own,
    });
    if (!made.success) throw new WaystationError('bad_request', `${own.name} is no name of an operator`);
    await this.#store.putIfAbsent(keysOf.operator(id), wholeObject(jsonBytes(made.data)));
    return { record: made.data, text: `${prefix}${id}_${secret}` };
  }

  /** Who shows this token now. @throws WaystationError `unauthorized`; the token is in no message. */
  async identify(text: string): Promise<Operator> {
    const [, id, secret] = shape.exec(text.trim()) ?? [];
    const found = id === undefined ? null : await readJson(this.#store, keysOf.operator(id), operatorRecord);
    if (found === null || !isSecretOf(found.value.hash, String(secret))) throw unknown('this token is not known');
    const { name, role, expires, revoked } = found.value;
    if (revoked !== null) throw unknown(`the token of ${name} was revoked`);
    if (Date.parse(expires) <= this.#clock.now()) throw unknown(`the token of ${name} ended at ${expires}`);
    return { id: found.value.id, name, role };
  }

  /** All that there ever were, by id. */
  async *list(): AsyncGenerator<OperatorRecord> {
    for await (const { key } of this.#store.list(keysOf.operators)) {
      const found = await readJson(this.#store, key, operatorRecord);
      if (found !== null) yield found.value;
    }
  }

  /** null: there is none of this id. */
  async revoke(id: string, by: string): Promise<OperatorRecord | null> {
    for (;;) {
      const found = /^[0-9a-f]{16}$/.test(id) ? await readJson(this.#store, keysOf.operator(id), operatorRecord) : null;
      if (found === null || found.value.revoked !== null) return found?.value ?? null;
      const record = { ...found.value, revoked: { at: new Date(this.#clock.now()).toISOString(), by } };
      if ((await this.#store.putIfMatch(keysOf.operator(id), jsonBytes(record), found.version)) !== null) return record;
    }
  }
}

function unknown(why: string): WaystationError {
  return new WaystationError('unauthorized', `${why}; \`waystation hub token create --role …\` makes one`);
}
