import { hasher } from '../base/digest.ts';
import type { Algorithm, Digest, Listed } from '../base/digest.ts';

/** Checksum types of zchunk that repomd.xml has a name for, with their bytes; 3, SHA-512 cut to 128 bits, has none. */
const checksumTypes: readonly (readonly [Algorithm, number])[] = [
  ['sha1', 20],
  ['sha256', 32],
  ['sha512', 64],
];
const magic = Buffer.from('\0ZCK1', 'latin1');
/** A compressed integer of zchunk has at most so many bytes here: 2^42 is more than any header. */
const longestInteger = 6;

/**
 * What a zchunk file says of its own header, and clients compare with `header-checksum` and `header-size` of repomd.xml
 * before they take single chunks by it: its length in bytes, and its digest, which leaves itself out.
 * @param bytes the beginning of the file, with the whole header.
 * @returns null when they do not begin with a header, or its digest is another than it says.
 */
export function zchunkHeader(bytes: Buffer): Listed | null {
  if (!bytes.subarray(0, magic.length).equals(magic)) return null;
  const type = integer(bytes, magic.length);
  const rest = type === null ? null : integer(bytes, type.end);
  const [algorithm, length = 0] = checksumTypes[type?.value ?? -1] ?? [];
  if (rest === null || algorithm === undefined) return null;
  const body = rest.end + length;
  const size = body + rest.value;
  if (size > bytes.length) return null;
  const hash = hasher(algorithm);
  hash.update(bytes.subarray(0, rest.end));
  hash.update(bytes.subarray(body, size));
  const digest: Digest = `${algorithm}:${bytes.toString('hex', rest.end, body)}`;
  return hash.digest() === digest ? { digest, size } : null;
}

/** Seven bits a byte, the least first; the last byte has its top bit set. */
function integer(bytes: Buffer, at: number): { readonly value: number; readonly end: number } | null {
  let value = 0;
  for (let index = 0; index < longestInteger; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) return null;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte >= 0x80) return { value, end: at + index + 1 };
  }
  return null;
}
