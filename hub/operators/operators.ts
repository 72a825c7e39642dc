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
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const operatorRecord = z.object({
  format: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{16}$/),
  /** sha256 of the secret of a token, hex; null: a certificate is what lets in. */
  hash: sha256.nullable(),
  /** sha256 of the key of a certificate (SubjectPublicKeyInfo), hex; null: a token is what lets in. */
  key: sha256.nullable().default(null),
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

/** `ttl`: milliseconds from now. */
export interface NewOperator {
  readonly name: string;
  readonly role: OperatorRole;
  readonly ttl: number;
  readonly by: string;
}

const prefix = 'wso1_';
const shape = /^wso1_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/**
 * Who may act on the hub from elsewhere: by tokens `wso1_ID_SECRET`, of whose secrets the store has hashes, or by
 * certificates (`operator-certificates.ts`).
 */
export class Operators {
  readonly #store: ObjectStore;
  readonly #clock: Clock;

  constructor({ store, clock }: { readonly store: ObjectStore; readonly clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @returns the token too, which nobody can ask for later. @throws WaystationError `bad_request`: no name. */
  async create(asked: NewOperator): Promise<{ readonly record: OperatorRecord; readonly text: string }> {
    const secret = newSecret();
    const record = await this.#add(asked, { hash: hashOfSecret(secret), key: null });
    return { record, text: `${prefix}${record.id}_${secret}` };
  }

  /** One who is known by a key. @param key sha256, hex. @throws WaystationError `bad_request`: no name. */
  createOfKey(asked: NewOperator, key: string): Promise<OperatorRecord> {
    return this.#add(asked, { hash: null, key });
  }

  async #add({ ttl, ...own }: NewOperator, known: Pick<OperatorRecord, 'hash' | 'key'>): Promise<OperatorRecord> {
    const [now, id] = [this.#clock.now(), newId()];
    // Certificates end with a whole second.
    const end = known.key === null ? now + ttl : Math.ceil((now + ttl) / 1_000) * 1_000;
    const times = { created: new Date(now).toISOString(), expires: new Date(end).toISOString() };
    const made = operatorRecord.safeParse({ format: 1, id, revoked: null, ...known, ...times, ...own });
    if (!made.success) throw new WaystationError('bad_request', `${own.name} is no name of an operator`);
    await this.#store.putIfAbsent(keysOf.operator(id), wholeObject(jsonBytes(made.data)));
    return made.data;
  }

  /** Who shows this token now. @throws WaystationError `unauthorized`; the token is in no message. */
  async identify(text: string): Promise<Operator> {
    const [, id, secret] = shape.exec(text.trim()) ?? [];
    const found = id === undefined ? null : await this.#find(id);
    if (found === null || found.hash === null || !isSecretOf(found.hash, String(secret)))
      throw unknown('this token is not known');
    return this.#countsNow(found, 'token');
  }

  /** Who has this key now. @param key sha256, hex. @throws WaystationError `unauthorized` */
  async identifyKey(id: string, key: string): Promise<Operator> {
    const found = await this.#find(id);
    if (found === null || found.key !== key) throw unknown('this certificate is not known');
    return this.#countsNow(found, 'certificate');
  }

  #countsNow({ id, name, role, expires, revoked }: OperatorRecord, what: 'token' | 'certificate'): Operator {
    if (revoked !== null) throw unknown(`the ${what} of ${name} was revoked`);
    if (Date.parse(expires) <= this.#clock.now()) throw unknown(`the ${what} of ${name} ended at ${expires}`);
    return { id, name, role };
  }

  async #find(id: string): Promise<OperatorRecord | null> {
    return (await readJson(this.#store, keysOf.operator(id), operatorRecord))?.value ?? null;
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
