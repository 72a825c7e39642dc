import type { PublicKey } from 'openpgp';
import { WaystationError } from '../base/errors.ts';

/** A public key, for status and pages. */
export interface KeyDescription {
  /** Of the primary key, lower-case hex. */
  readonly fingerprint: string;
  readonly userIds: readonly string[];
}

const maxKeyFileBytes = 1024 * 1024;

/**
 * Reads a file of public keys: binary, or armored with any number of blocks and text around them.
 * @throws WaystationError `key_unusable` for what holds no public key, or a private one.
 */
export async function readKeyFile(bytes: Buffer): Promise<readonly KeyDescription[]> {
  const keys = await readPublicKeys(bytes);
  return keys.map((key) => ({ fingerprint: key.getFingerprint(), userIds: key.getUserIDs() }));
}

/** As `readKeyFile`, as openpgp's own objects: for `signature.ts`. */
export async function readPublicKeys(bytes: Buffer): Promise<readonly PublicKey[]> {
  if (bytes.length > maxKeyFileBytes) return unusable(`is larger than ${maxKeyFileBytes} bytes`);
  const blocks = armoredBlocks(bytes, 'PUBLIC KEY BLOCK');
  if (armoredBlocks(bytes, 'PRIVATE KEY BLOCK').length > 0) return unusable('holds a private key');
  // Heavy, and only needed where signatures are checked.
  const { readKeys } = await import('openpgp');
  let keys: PublicKey[];
  try {
    // openpgp reads only the first of several armored blocks, so each is read by itself.
    const read = await Promise.all(
      blocks.length > 0
        ? blocks.map((armoredKeys) => readKeys({ armoredKeys }))
        : [readKeys({ binaryKeys: new Uint8Array(bytes) })],
    );
    keys = read.flat();
  } catch (error) {
    return unusable(`is no OpenPGP public key: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (keys.length === 0) return unusable('holds no OpenPGP public key');
  if (keys.some((key) => key.isPrivate())) return unusable('holds a private key');
  return keys;
}

/** The armored blocks of one kind, in order, whatever stands around them. */
export function armoredBlocks(bytes: Buffer, kind: 'PUBLIC KEY BLOCK' | 'PRIVATE KEY BLOCK' | 'SIGNATURE'): string[] {
  const text = bytes.toString('latin1');
  const [begin, end] = [`-----BEGIN PGP ${kind}-----`, `-----END PGP ${kind}-----`];
  const blocks: string[] = [];
  for (let at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at + begin.length)) {
    const close = text.indexOf(end, at);
    blocks.push(close < 0 ? text.slice(at) : text.slice(at, close + end.length));
  }
  return blocks;
}

function unusable(reason: string, cause?: unknown): never {
  throw new WaystationError('key_unusable', `the key file ${reason}`, { cause });
}
