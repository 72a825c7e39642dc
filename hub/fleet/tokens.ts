import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { RegistrationToken } from '../../protocol/token.ts';
import { jsonBytes, readJson } from '../store/json-object.ts';
import type { Versioned } from '../store/json-object.ts';
import { keysOf } from '../store/layout.ts';
import { wholeObject } from '../store/object-store.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { labels } from './labels.ts';
import type { Labels } from './labels.ts';
import { claimGrace } from './pop-names.ts';
import { isRegistered } from './pop-records.ts';
import type { PopRecords } from './pop-records.ts';
import { hashOfSecret, isSecretOf, newId, newSecret } from './secret.ts';
import { Turns } from './turns.ts';

const instant = z.iso.datetime();

const tokenRecord = z.object({
  format: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{16}$/),
  /** sha256 of the secret, hex. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** What PoPs that register with it are labelled. */
  labels,
  /** How many PoPs may register with it. */
  uses: z.int().min(1),
  /** Which PoPs have, or were about to. */
  claims: z.array(z.object({ pop: z.uuid(), at: instant })),
  created: instant,
  expires: instant,
  by: z.string(),
  revoked: z.object({ at: instant, by: z.string() }).nullable(),
});

export type TokenRecord = z.output<typeof tokenRecord>;

export interface NewToken {
  readonly labels: Labels;
  readonly uses: number;
  /** Milliseconds from now. */
  readonly ttl: number;
  readonly by: string;
}

/** The right to register, as tokens. The store has hashes of their secrets. */
export class Tokens {
  readonly #store: ObjectStore;
  readonly #pops: PopRecords;
  readonly #clock: Clock;
  /** A site that starts all at once shall not have each of its PoPs try again after each other one. */
  readonly #turns = new Turns();

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

  /** @returns the secret too, which nobody can ask for later. */
  async create({ ttl, ...own }: NewToken): Promise<{ readonly record: TokenRecord; readonly secret: string }> {
    const [now, secret] = [this.#clock.now(), newSecret()];
    const times = { created: new Date(now).toISOString(), expires: new Date(now + ttl).toISOString() };
    const made = { format: 1, id: newId(), hash: hashOfSecret(secret), claims: [], revoked: null, ...times } as const;
    const record = tokenRecord.parse({ ...made, ...own });
    await this.#store.putIfAbsent(keysOf.token(record.id), wholeObject(jsonBytes(record)));
    return { record, secret };
  }

  /** All that there ever were, by id. */
  async *list(): AsyncGenerator<TokenRecord> {
    for await (const { key } of this.#store.list(keysOf.tokens)) {
      const found = await readJson(this.#store, key, tokenRecord);
      if (found !== null) yield found.value;
    }
  }

  /** Nobody registers with it any more; PoPs that have stay. @throws WaystationError `token_unknown` */
  async revoke(id: string, by: string): Promise<TokenRecord> {
    for (;;) {
      const found = /^[0-9a-f]{16}$/.test(id) ? await this.#read(id) : null;
      if (found === null) throw new WaystationError('token_unknown', `no token has the id ${id}`);
      if (found.value.revoked !== null) return found.value;
      const record = { ...found.value, revoked: { at: new Date(this.#clock.now()).toISOString(), by } };
      if ((await this.#store.putIfMatch(keysOf.token(id), jsonBytes(record), found.version)) !== null) return record;
    }
  }

  /**
   * What is known of a token that somebody shows; whether it is used up is another matter.
   * @throws WaystationError `token_refused`
   */
  async check({ id, secret }: RegistrationToken): Promise<TokenRecord> {
    const found = await this.#read(id);
    // Which of the two it was is nobody's business.
    if (found === null || !isSecretOf(found.value.hash, secret)) throw refused('the hub does not know this token');
    return this.#usable(found.value);
  }

  /** Uses a token for a PoP, once for each, however often it is asked. @throws WaystationError `token_refused` */
  claim(id: string, pop: string): Promise<void> {
    return this.#turns.take(id, () => this.#claim(id, pop));
  }

  async #claim(id: string, pop: string): Promise<void> {
    for (;;) {
      const found = await this.#read(id);
      if (found === null) throw refused('the hub does not know this token');
      const { uses, claims } = this.#usable(found.value);
      if (claims.some((claim) => claim.pop === pop)) return;
      const others = claims.length < uses ? claims : await this.#standing(claims);
      if (others.length >= uses) throw refused(usedUp(uses));
      const at = new Date(this.#clock.now()).toISOString();
      const changed = jsonBytes({ ...found.value, claims: [...others, { pop, at }] });
      if ((await this.#store.putIfMatch(keysOf.token(id), changed, found.version)) !== null) return;
    }
  }

  /** Without those of registrations that ended before they were done; these cannot end well any more afterwards. */
  async #standing(claims: TokenRecord['claims']): Promise<TokenRecord['claims']> {
    const kept: TokenRecord['claims'] = [];
    for (const claim of claims) if (await this.#stands(claim)) kept.push(claim);
    return kept;
  }

  async #stands({ pop, at }: TokenRecord['claims'][number]): Promise<boolean> {
    const found = await this.#pops.find(pop);
    if (found !== null) return isRegistered(found.value);
    if (this.#clock.now() - Date.parse(at) < claimGrace) return true;
    // Not given up by this call: it has ended meanwhile, one way or the other.
    return (await this.#pops.abandon(pop)) ? false : this.#stands({ pop, at });
  }

  #usable(record: TokenRecord): TokenRecord {
    if (record.revoked !== null) throw refused('the token was revoked');
    if (Date.parse(record.expires) <= this.#clock.now()) throw refused(`the token ended at ${record.expires}`);
    return record;
  }

  #read(id: string): Promise<Versioned<TokenRecord> | null> {
    return readJson(this.#store, keysOf.token(id), tokenRecord);
  }
}

function usedUp(uses: number): string {
  return `the token is used up: ${uses === 1 ? 'one PoP' : `${uses} PoPs`} registered with it, which is all it is for`;
}

function refused(why: string): WaystationError {
  return new WaystationError('token_refused', `${why}; a new one is made by \`waystation hub token create\``);
}
