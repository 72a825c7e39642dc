import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** 256 random bits, base64url. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** 64 random bits, hex: what a token or an operator is called. */
export function newId(): string {
  return randomBytes(8).toString('hex');
}

/** What is kept of a secret: sha256, hex. Nobody guesses 256 random bits, so it takes no slow hash. */
export function hashOfSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Whether this is the secret that was hashed; takes the same time whatever it is. */
export function isSecretOf(hash: string, secret: string): boolean {
  return timingSafeEqual(Buffer.from(hash, 'hex'), Buffer.from(hashOfSecret(secret), 'hex'));
}
