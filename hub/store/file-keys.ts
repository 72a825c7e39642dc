import { digestFrom } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';

/** A file that a key is about. */
export interface KeyedFile {
  readonly digest: Digest;
  /** Of a digest that can be forged: the scope that it is of, as a part of keys. '' for all others. */
  readonly owner: string;
}

/** The file behind a key of `public/blobs/`; null: no key that this version makes. */
export function blobOfKey(key: string): KeyedFile | null {
  const [, , algorithm = '', ...rest] = key.split('/');
  const own = algorithm === 'md5' || algorithm === 'sha1';
  if (rest.length !== (own ? 3 : 2)) return null;
  const digest = digestFrom(algorithm, rest.at(-1) ?? '');
  return digest === null ? null : { digest, owner: own ? (rest[0] ?? '') : '' };
}

/** The file behind a key of `private/closed/` or `private/proofs/`: its last segment is `<algorithm>-<hex>`. */
export function markedFile(key: string): Digest | null {
  const [algorithm = '', hex = '', ...rest] = (key.split('/').at(-1) ?? '').split('-');
  return rest.length > 0 ? null : digestFrom(algorithm, hex);
}

/** The primary behind a key of `public/maps/`. */
export function mapOfKey(key: string): Digest | null {
  const [, , , hex = '', ...rest] = key.split('/');
  return rest.length > 0 ? null : digestFrom('sha256', hex);
}
