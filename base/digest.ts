import { createHash, hash } from 'node:crypto';

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
  // Of nearly all: a constant, by which objects are asked without a look for the text among all that there are.
  if (digest.startsWith('sha256:')) return 'sha256';
  return digest.slice(0, digest.indexOf(':')) as Algorithm;
}

export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The digest of whole bytes, computed at once. */
export function digestOf(bytes: Uint8Array | string, algorithm: Algorithm = 'sha256'): Digest {
  return `${algorithm}:${hash(algorithm, bytes, 'hex')}`;
}

/** A digest that grows with its bytes. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  /** Ends it; call once. */
  digest(): Digest;
}

export function hasher(algorithm: Algorithm): Hasher {
  const growing = createHash(algorithm);
  return { update: (bytes) => void growing.update(bytes), digest: () => `${algorithm}:${growing.digest('hex')}` };
}

/** Words of 32 bits of a digest that are kept in memory: all of it up to sha256, the first half of sha512. */
export const wordsKept = 8;

/**
 * The word that entries are found by: digests are uniform, so that it is hash enough. Not the first: a count from names
 * meets the digests folder by folder, those with the same beginning together.
 */
export const hashWord = 1;

/** Reads the first 256 bits of a digest into `words`; shorter ones end in zeros. */
export function readWords(digest: Digest, words: Uint32Array): void {
  const first = digest.indexOf(':') + 1;
  for (let word = 0; word < wordsKept; word += 1) words[word] = wordAt(digest, first + word * 8);
}

/** The word that entries are found by: all that has to be read of what is not there, as of most files of a first sync. */
export function hashOf(digest: Digest): number {
  return wordAt(digest, digest.indexOf(':') + 1 + hashWord * 8);
}

/** Once for each hit: no slices, no parseInt. */
function wordAt(digest: Digest, from: number): number {
  let value = 0;
  for (let at = from; at < from + 8; at += 1) {
    // '0'–'9' are 0x30–0x39, 'a'–'f' 0x61–0x66; past the end NaN becomes 0.
    const code = digest.charCodeAt(at);
    value = (value << 4) | ((code & 15) + (code >= 0x61 ? 9 : 0));
  }
  return value >>> 0;
}

/** Where an algorithm stands in the list: 3 bits. */
export function algorithmNumber(digest: Digest): number {
  return algorithms.indexOf(algorithmOf(digest));
}

const hexKept: Record<Algorithm, number> = { sha256: 64, sha512: 64, sha384: 64, sha224: 56, sha1: 40, md5: 32 };

/** The digest of kept words: for sha384 and sha512 its first 64 hex digits only (`isWhole`). */
export function digestOfWords(algorithm: number, words: Uint32Array): Digest {
  const name = algorithms[algorithm] ?? 'sha256';
  let hex = '';
  for (const word of words) hex += word.toString(16).padStart(8, '0');
  return `${name}:${hex.slice(0, hexKept[name])}`;
}

/** Whether nothing of a digest is missing. */
export function isWhole(digest: Digest): boolean {
  const name = algorithmOf(digest);
  return (name !== 'sha512' && name !== 'sha384') || digest.length > name.length + 1 + 64;
}
