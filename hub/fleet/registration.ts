import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { PopCredentials, RegistrationRequest } from '../../protocol/registration.ts';
import { parseToken } from '../../protocol/token.ts';
import type { RegistrationToken } from '../../protocol/token.ts';
import type { Audit } from '../audit/audit.ts';
import type { Versioned } from '../store/json-object.ts';
import { readCsr } from './csr.ts';
import type { RequestedKey } from './csr.ts';
import type { PopCertificates } from './pop-certificates.ts';
import type { PopNames } from './pop-names.ts';
import { isRegistered, popIdOf } from './pop-records.ts';
import type { PopRecord, PopRecords } from './pop-records.ts';
import type { TokenRecord, Tokens } from './tokens.ts';

export interface RegistrationParts {
  readonly tokens: Tokens;
  readonly names: PopNames;
  readonly pops: PopRecords;
  readonly certificates: PopCertificates;
  readonly audit: Audit;
  readonly clock: Clock;
}

interface Asked {
  readonly token: RegistrationToken;
  readonly allowed: TokenRecord;
  readonly key: RequestedKey;
  readonly name: string;
  readonly address: string;
}

/**
 * How a PoP becomes one: it claims a use of its token, then its name, then its record is put where none is. Until then
 * it is nobody; from then on it is registered. Whoever was cut off on the way just asks again, with the same key and
 * token; if it never does, what it has claimed is free again after a while (`tokens.ts`, `pop-names.ts`).
 */
export class Registration {
  readonly #parts: RegistrationParts;

  constructor(parts: RegistrationParts) {
    this.#parts = parts;
  }

  /** @throws WaystationError `token_refused`, `pop_name_taken`, `bad_request` */
  async register(
    { token: text, csr, name }: RegistrationRequest,
    { address }: { readonly address: string },
  ): Promise<{ readonly credentials: PopCredentials; readonly isNew: boolean }> {
    const token = parseToken(text);
    for (;;) {
      // The token first: nobody else has the hub work for them.
      const allowed = await this.#parts.tokens.check(token);
      const key = await readCsr(csr);
      const registered = await this.#once({ token, allowed, key, name, address });
      if (registered === null) continue;
      const { record, isNew } = registered;
      await this.#parts.audit.note({
        who: { kind: 'pop', name: record.name, id: record.id, from: address },
        what: 'pop.register',
        on: record.name,
        to: `${isNew ? '' : 'again, '}by the token ${token.id}`,
      });
      return { credentials: await this.#parts.certificates.issue(record, key.publicKey), isNew };
    }
  }

  /** A new certificate for a PoP that has shown its own. @throws WaystationError `bad_request`, `certificate_refused` */
  async renew(id: string, csr: string): Promise<PopCredentials> {
    const { pops, certificates, audit } = this.#parts;
    const key = await readCsr(csr);
    for (;;) {
      const found = await pops.find(id);
      if (found === null || !isRegistered(found.value) || found.value.revoked !== null)
        throw new WaystationError('certificate_refused', 'this PoP is not registered any more');
      const changed = { ...found.value, key: key.fingerprint, certificateEnds: certificates.ends() };
      const record = await pops.replace(changed, found.version);
      if (record === null) continue;
      const { name } = record;
      await audit.note({ who: { kind: 'pop', name, id, from: null }, what: 'pop.renew', on: name });
      return certificates.issue(record, key.publicKey);
    }
  }

  /** null: something changed meanwhile, so all of it has to be looked at anew. */
  async #once(asked: Asked): Promise<{ readonly record: PopRecord; readonly isNew: boolean } | null> {
    const { names, pops, tokens } = this.#parts;
    const { token, key, name } = asked;
    const { id, found } = await this.#own(token.id, key.fingerprint);
    if (found !== null) return this.#again(found, asked);
    const holder = await names.holder(name);
    if (holder !== null) {
      if (holder.value.key !== key.fingerprint)
        throw new WaystationError('pop_name_taken', `another PoP is called ${name}`);
      // It has the key of the PoP of that name: it is that one, with a new token.
      await tokens.claim(token.id, holder.value.id);
      return this.#again(holder, asked);
    }
    await tokens.claim(token.id, id);
    await names.claim(name, id);
    const record = this.#record(id, asked);
    return (await pops.add(record)) ? { record, isNew: true } : null;
  }

  /** What this key and token have registered; else the id by which they will. */
  async #own(
    token: string,
    key: string,
  ): Promise<{ readonly id: string; readonly found: Versioned<PopRecord> | null }> {
    for (let attempt = 0; ; attempt += 1) {
      const id = popIdOf(token, key, attempt);
      const found = await this.#parts.pops.find(id);
      if (found === null) return { id, found };
      const { value, version } = found;
      if (isRegistered(value)) return { id, found: { value, version } };
    }
  }

  async #again(
    { value, version }: Versioned<PopRecord>,
    { key, allowed }: Asked,
  ): Promise<{ readonly record: PopRecord; readonly isNew: boolean } | null> {
    const refused = (why: string): WaystationError => new WaystationError('token_refused', why);
    if (value.revoked !== null) throw refused(`${value.name} was revoked: only a new token lets it in again`);
    if (value.key !== key.fingerprint) throw refused(`${value.name} has another key by now`);
    // Labels that were changed here stay so, unless a new token has others.
    const labels = value.token === allowed.id ? value.labels : { ...value.labels, ...allowed.labels };
    const certificateEnds = this.#parts.certificates.ends();
    const record = await this.#parts.pops.replace({ ...value, labels, token: allowed.id, certificateEnds }, version);
    return record === null ? null : { record, isNew: false };
  }

  #record(id: string, { allowed, key, name, address }: Asked): PopRecord {
    return {
      format: 1,
      id,
      revision: 1,
      name,
      labels: allowed.labels,
      key: key.fingerprint,
      token: allowed.id,
      registered: new Date(this.#parts.clock.now()).toISOString(),
      from: address,
      certificateEnds: this.#parts.certificates.ends(),
      revoked: null,
    };
  }
}
