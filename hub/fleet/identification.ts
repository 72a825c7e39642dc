import { createHash, X509Certificate } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { popUri } from '../../protocol/registration.ts';
import { readClientCertificate } from '../keys/client-certificate.ts';
import type { PopRecord, PopRecords } from './pop-records.ts';

/** How long after its end a certificate is still good for a new one. Milliseconds. */
const renewable = 30 * 24 * 60 * 60_000;
/** Certificates remembered, by their sha256: what is in one never changes. */
const remembered = 4_096;

interface Shown {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
}

/** Who shows a certificate: what it says, by whom it is signed, when it counts, and whether its PoP is one still. */
export class Identification {
  readonly #authority: X509Certificate;
  readonly #pops: PopRecords;
  readonly #clock: Clock;
  readonly #seen = new Map<string, Shown>();

  /** @param options `authority`: its certificate, PEM. */
  constructor(options: { readonly authority: string; readonly pops: PopRecords; readonly clock: Clock }) {
    this.#authority = new X509Certificate(options.authority);
    this.#pops = options.pops;
    this.#clock = options.clock;
  }

  /** @param certificate DER. @throws WaystationError `certificate_refused` */
  async identify(certificate: Buffer, { renewing }: { readonly renewing: boolean }): Promise<PopRecord> {
    const { id, from, until } = this.#shown(certificate);
    const now = this.#clock.now();
    if (now < from) throw refused(`the certificate counts from ${new Date(from).toISOString()}: clocks differ`);
    if (now > until + (renewing ? renewable : 0))
      throw refused(
        `the certificate ended at ${new Date(until).toISOString()}${renewing ? ', more than 30 days ago' : ''}`,
      );
    const record = await this.#pops.known(id);
    if (record === null) throw refused(`no PoP with the id ${id} is registered here`);
    if (record.revoked !== null) throw refused(`${record.name} was revoked at ${record.revoked.at}`);
    return record;
  }

  #shown(certificate: Buffer): Shown {
    const name = createHash('sha256').update(certificate).digest('base64');
    const seen = this.#seen.get(name) ?? this.#read(certificate);
    // What was used last is forgotten last.
    this.#seen.delete(name);
    this.#seen.set(name, seen);
    if (this.#seen.size > remembered) this.#seen.delete(String(this.#seen.keys().next().value));
    return seen;
  }

  #read(der: Buffer): Shown {
    const { uri, from, until } = readClientCertificate(der, this.#authority);
    const id = /^urn:waystation:pop:([0-9a-f-]{36})$/.exec(uri ?? '')?.[1];
    if (id === undefined || uri !== popUri(id)) throw refused('the certificate is not that of a PoP');
    return { id, from, until };
  }
}

function refused(why: string): WaystationError {
  return new WaystationError('certificate_refused', why);
}
