import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import type * as library from '@peculiar/x509';

type X509 = typeof library;

let loaded: Promise<X509> | null = null;

/** The library of certificates, loaded when first needed: most commands never do. */
export function x509(): Promise<X509> {
  loaded ??= (async () => {
    // It registers its parts by decorators, whose metadata this provides.
    await import('reflect-metadata');
    const loading = await import('@peculiar/x509');
    loading.cryptoProvider.set(webcrypto);
    return loading;
  })();
  return loaded;
}

/** Elliptic curve keys that every TLS stack of the last ten years takes. */
export const certificateKeys = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A new private key, as PEM (PKCS #8). */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' });
}

/** The public half of a private key (PEM), as SubjectPublicKeyInfo (DER). */
export function publicHalf(key: string): Buffer {
  return createPublicKey(createPrivateKey(key)).export({ type: 'spki', format: 'der' });
}

/** A private key (PEM) as the library of certificates wants it. */
export async function cryptoKeys(key: string): Promise<{ privateKey: CryptoKey; publicKey: CryptoKey }> {
  const { subtle } = webcrypto;
  const pkcs8 = createPrivateKey(key).export({ type: 'pkcs8', format: 'der' });
  return {
    privateKey: await subtle.importKey('pkcs8', Uint8Array.from(pkcs8), certificateKeys, false, ['sign']),
    publicKey: await subtle.importKey('spki', Uint8Array.from(publicHalf(key)), certificateKeys, true, ['verify']),
  };
}

/** RFC 5280 §4.1.2.2: positive, at most 20 bytes; hex. */
export function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}
