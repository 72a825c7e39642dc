import { createHash } from 'node:crypto';

/** Checksum algorithms that yum metadata names, by their canonical names (`sha` in metadata means sha1). */
export const algorithms = ['sha256', 'sha512', 'sha384', 'sha224', 'sha1', 'md5'] as const;
export type Algorithm = (typeof algorithms)[number];

/** `algorithm:hex`, lower case: the form in documents, logs and status. */
export type Digest = `${Algorithm}:${string}`;

/** A file as its metadata lists it: which bytes, and how many. */
export interface Listed {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

const hexLengths: Record<Algorithm, number> = { sha256: 64, sha512: 128, sha384: 96, sha224: 56, sha1: 40, md5: 32 };

/**
 * Makes a digest from the words of repomd.xml or primary.xml.
 * @returns null when the algorithm is unknown or the text is not that many hex digits.
 */
export function digestFrom(algorithm: string, hex: string): Digest | null {
  const name = algorithm.toLowerCase() === 'sha' ? 'sha1' : algorithm.toLowerCase();
  if (!isAlgorithm(name)) return null;
  const text = hex.trim().toLowerCase();
  return text.length === hexLengths[name] && /^[0-9a-f]+$/.test(text) ? `${name}:${text}` : null;
}

/** Reads `algorithm:hex`; null when it is not one. */
export function parseDigest(text: string): Digest | null {
  const colon = text.indexOf(':');
  return colon < 0 ? null : digestFrom(text.slice(0, colon), text.slice(colon + 1));
}

export function isAlgorithm(name: string): name is Algorithm {
  return (algorithms as readonly string[]).includes(name);
}

export function algorithmOf(digest: Digest): Algorithm {
  return digest.slice(0, digest.indexOf(':')) as Algorithm;
}

export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The digest of whole bytes, computed at once. */
export function digestOf(bytes: Uint8Array | string, algorithm: Algorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** A digest that grows with its bytes. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  /** Ends it; call once. */
  digest(): Digest;
}

export function hasher(algorithm: Algorithm): Hasher {
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), digest: () => `${algorithm}:${hash.digest('hex')}` };
}
