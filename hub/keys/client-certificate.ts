import { createHash, X509Certificate } from 'node:crypto';
import { WaystationError } from '../../base/errors.ts';

/** RFC 5280 §4.2.1.12: for clients of TLS. */
const clientAuth = '1.3.6.1.5.5.7.3.2';

/** What the authority has said of a client. */
export interface ClientCertificate {
  /** The one name that it has, `urn:…`; null: it has another, or is none of a client. */
  readonly uri: string | null;
  /** sha256 of its public key (SubjectPublicKeyInfo), hex. */
  readonly fingerprint: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
}

/**
 * Reads what a connection has shown (DER). Whether it counts now, and whose it is, is up to the caller.
 * @throws WaystationError `certificate_refused` when the authority has not made it.
 */
export function readClientCertificate(der: Buffer, authority: X509Certificate): ClientCertificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch (cause) {
    throw new WaystationError('certificate_refused', 'what was shown is no certificate', { cause });
  }
  const { ca, keyUsage, subjectAltName = '', validFrom, validTo } = certificate;
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey))
    throw new WaystationError('certificate_refused', "the certificate is not of this hub's authority");
  const name = /^URI:(urn:[A-Za-z0-9:-]+)$/.exec(subjectAltName)?.[1] ?? null;
  // What `keyUsage` has is the extended one.
  const isForClients = (keyUsage as readonly string[] | undefined)?.includes(clientAuth) === true;
  const uri = ca || !isForClients ? null : name;
  const publicKey = certificate.publicKey.export({ type: 'spki', format: 'der' });
  const fingerprint = createHash('sha256').update(publicKey).digest('hex');
  return { uri, fingerprint, from: Date.parse(validFrom), until: Date.parse(validTo) };
}
