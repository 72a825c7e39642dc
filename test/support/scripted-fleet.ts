import { X509Certificate } from 'node:crypto';
import { WaystationError } from '../../base/errors.ts';
import type { Authority } from '../../hub/keys/authority.ts';
import type { Fleet, Pop } from '../../hub/service/ports.ts';
import type { Heartbeat } from '../../protocol/heartbeat.ts';

/** A fleet that knows whom a test tells it of: by the certificates that a real authority has issued. */
export class ScriptedFleet implements Fleet {
  readonly #authority: Authority;
  readonly #listeners = new Set<() => void>();
  /** Ids of PoPs that are refused. */
  readonly revoked = new Set<string>();
  readonly heartbeats: Heartbeat[] = [];
  /** Names that asked for certificates. */
  readonly registered: string[] = [];
  version = 1;
  /** How often somebody was identified by his certificate, and an assignment was asked for. */
  identified = 0;
  asked = 0;

  constructor(authority: Authority) {
    this.#authority = authority;
  }

  async identify(certificate: Buffer, { renewing }: { readonly renewing: boolean }): Promise<Pop> {
    this.identified += 1;
    const shown = new X509Certificate(certificate);
    const refuse = (why: string): WaystationError => new WaystationError('certificate_refused', why);
    if (!shown.verify(new X509Certificate(this.#authority.certificate).publicKey)) throw refuse('of another authority');
    if (!renewing && Date.parse(shown.validTo) < Date.now()) throw refuse('expired');
    const id = shown.subject.replace(/^CN=/, '');
    if (this.revoked.has(id)) throw refuse('revoked');
    return { id, name: id, labels: {} };
  }

  async register({ name }: Parameters<Fleet['register']>[0]): ReturnType<Fleet['register']> {
    const isNew = !this.registered.includes(name);
    this.registered.push(name);
    return { credentials: credentials(name), isNew };
  }

  async renew({ name }: Pop): ReturnType<Fleet['renew']> {
    return credentials(name);
  }

  async assignment({ name }: Pop): ReturnType<Fleet['assignment']> {
    this.asked += 1;
    return { answer: { assignment: `${name} ${this.version}`, channels: {} }, version: String(this.version) };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Something may have changed. */
  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async heartbeat(_pop: Pop, document: Heartbeat): Promise<void> {
    this.heartbeats.push(document);
  }
}

function credentials(name: string): Awaited<ReturnType<Fleet['renew']>> {
  const pop = { id: '00000000-0000-4000-8000-000000000000', name };
  return { pop, certificate: 'certificate', authority: 'authority', keys: { keys: [] } };
}
