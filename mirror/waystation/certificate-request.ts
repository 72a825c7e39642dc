import { createPrivateKey, createPublicKey, generateKeyPairSync, webcrypto } from 'node:crypto';

/** Elliptic curve keys that every TLS stack of the last ten years takes. */
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A new private key, as PEM (PKCS #8). */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' });
}

/** A certificate signing request (RFC 2986) by a key that `newKey` made, as PEM. The library loads when it is called. */
export async function certificateRequest(key: string, name: string): Promise<string> {
  // It registers its parts by decorators, whose metadata this provides.
  await import('reflect-metadata');
  const { cryptoProvider, Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509');
  cryptoProvider.set(webcrypto);
  const { subtle } = webcrypto;
  const secret = createPrivateKey(key);
  const pkcs8 = Uint8Array.from(secret.export({ type: 'pkcs8', format: 'der' }));
  const spki = Uint8Array.from(createPublicKey(secret).export({ type: 'spki', format: 'der' }));
  const keys = {
    privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
  };
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: algorithm,
  });
  return `${request.toString('pem')}\n`;
}
