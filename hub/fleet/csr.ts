import { createHash, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { WaystationError } from '../../base/errors.ts';
import { x509 } from '../keys/x509.ts';

/** The key for which somebody wants a certificate, and has shown to have. */
export interface RequestedKey {
  /** SubjectPublicKeyInfo (DER). */
  readonly publicKey: Buffer;
  /** sha256 of that, hex. */
  readonly fingerprint: string;
}

/**
 * Reads a certificate signing request (PKCS #10, PEM), of which only key and signature count.
 * @throws WaystationError `bad_request` when it is none, its signature is not by its key, or the key is of no kind that
 * is taken: P-256, Ed25519, or RSA of 2048 to 8192 bits.
 */
export async function readCsr(pem: string): Promise<RequestedKey> {
  const { Pkcs10CertificateRequest } = await x509();
  let publicKey: Buffer;
  try {
    const request = new Pkcs10CertificateRequest(pem);
    publicKey = Buffer.from(request.publicKey.rawData);
    if (!isTaken(createPublicKey({ key: publicKey, format: 'der', type: 'spki' })))
      throw new WaystationError('bad_request', 'the key has to be P-256, Ed25519, or RSA of 2048 to 8192 bits');
    if (!(await request.verify())) throw new Error('signature');
  } catch (cause) {
    if (cause instanceof WaystationError) throw cause;
    throw new WaystationError('bad_request', 'the certificate signing request is none, or not signed by its own key', {
      cause,
    });
  }
  return { publicKey, fingerprint: createHash('sha256').update(publicKey).digest('hex') };
}

function isTaken({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  if (asymmetricKeyType === 'ed25519') return true;
  if (asymmetricKeyType === 'ec') return asymmetricKeyDetails?.namedCurve === 'prime256v1';
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  return asymmetricKeyType === 'rsa' && bits >= 2_048 && bits <= 8_192;
}
