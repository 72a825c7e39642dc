import { X509Certificate } from 'node:crypto';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import { readCsr } from '../fleet/csr.ts';
import type { Authority } from '../keys/authority.ts';
import { readClientCertificate } from '../keys/client-certificate.ts';
import type { ClientCertificate } from '../keys/client-certificate.ts';
import type { NewOperator, Operator, OperatorRecord, Operators } from './operators.ts';

/** What an operator's certificate calls him. */
const operatorUri = (id: string): string => `urn:waystation:operator:${id}`;

/**
 * Operators who are known by a key that never leaves them: the hub's authority says whose it is. What the key may do,
 * and until when, is in the operator's record, so a certificate can be revoked like a token.
 */
export class OperatorCertificates {
  readonly #operators: Operators;
  readonly #authority: Authority;
  readonly #issuer: X509Certificate;
  readonly #clock: Clock;

  constructor(options: { readonly operators: Operators; readonly authority: Authority; readonly clock: Clock }) {
    this.#operators = options.operators;
    this.#authority = options.authority;
    this.#issuer = new X509Certificate(options.authority.certificate);
    this.#clock = options.clock;
  }

  /**
   * @param csr PKCS #10, PEM: of it only the key counts.
   * @returns the certificate, PEM. @throws WaystationError `bad_request`
   */
  async create(
    asked: NewOperator,
    csr: string,
  ): Promise<{ readonly record: OperatorRecord; readonly certificate: string }> {
    const { publicKey, fingerprint } = await readCsr(csr);
    const record = await this.#operators.createOfKey(asked, fingerprint);
    const certificate = await this.#authority.issue({
      publicKey,
      commonName: record.name,
      names: [{ type: 'url', value: operatorUri(record.id) }],
      use: 'client',
      from: this.#clock.now(),
      until: Date.parse(record.expires),
    });
    return { record, certificate };
  }

  /** Who shows this certificate (DER) now. @throws WaystationError `unauthorized` */
  async identify(der: Buffer): Promise<Operator> {
    const { uri, fingerprint, from, until } = this.#read(der);
    const id = /^urn:waystation:operator:([0-9a-f]{16})$/.exec(uri ?? '')?.[1];
    if (id === undefined) throw refused('the certificate is not that of an operator');
    const now = this.#clock.now();
    if (now < from) throw refused(`the certificate counts from ${new Date(from).toISOString()}: clocks differ`);
    if (now >= until) throw refused(`the certificate ended at ${new Date(until).toISOString()}`);
    return this.#operators.identifyKey(id, fingerprint);
  }

  #read(der: Buffer): ClientCertificate {
    try {
      return readClientCertificate(der, this.#issuer);
    } catch (cause) {
      throw refused(asWaystationError(cause).message);
    }
  }
}

function refused(why: string): WaystationError {
  return new WaystationError('unauthorized', `${why}; \`waystation hub token create --role … --csr …\` makes one`);
}
