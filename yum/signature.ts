import type { PublicKey, Signature } from 'openpgp';
import { WaystationError } from '../base/errors.ts';
import { armoredBlocks, readPublicKeys } from './key-file.ts';

export interface DetachedSignature {
  /** What was signed, byte for byte. */
  readonly bytes: Buffer;
  /** Armored or binary; several signatures are fine, one good one is enough. */
  readonly signature: Buffer;
  /** Contents of the key files to trust. */
  readonly keys: readonly Buffer[];
  /** Wall clock, milliseconds: the signature must not be of the future, the key must be neither expired nor revoked. */
  readonly now: number;
}

const maxSignatureBytes = 1024 * 1024;
const maxSignatures = 16;

/**
 * Verifies a detached OpenPGP signature. Like dnf, and unlike gpg's exit status, it refuses keys that are expired or
 * revoked today, even for a signature made before; SHA-1 and weaker are refused too.
 * @returns the fingerprint of the primary key that signed.
 * @throws WaystationError `signature_invalid` with every signature's reason; `key_unusable`.
 */
export async function verifyDetached(detached: DetachedSignature): Promise<{ readonly fingerprint: string }> {
  const keys = (await Promise.all(detached.keys.map(readPublicKeys))).flat();
  if (keys.length === 0) return invalid('no key to verify it with is configured');
  const signatures = await readSignatures(detached.signature);
  const reasons: string[] = [];
  for (const signature of signatures) {
    for (const keyId of signature.getSigningKeyIDs()) {
      const known = keys.filter((key) => key.getKeys(keyId).length > 0);
      if (known.length === 0)
        reasons.push(`it was made by the key ${keyId.toHex()}, which is not among the trusted keys`);
      for (const key of known) {
        const reason = await refusal({ detached, signature, key });
        if (reason === null) return { fingerprint: key.getFingerprint() };
        reasons.push(`key ${keyId.toHex()}: ${reason}`);
      }
    }
  }
  return invalid(reasons.join('; '));
}

async function readSignatures(bytes: Buffer): Promise<Signature[]> {
  if (bytes.length > maxSignatureBytes) return invalid(`it is larger than ${maxSignatureBytes} bytes`);
  const blocks = armoredBlocks(bytes, 'SIGNATURE');
  if (blocks.length > maxSignatures) return invalid(`it has more than ${maxSignatures} parts`);
  const { enums, readSignature } = await import('openpgp');
  let signatures: Signature[];
  try {
    signatures = await Promise.all(
      blocks.length > 0
        ? blocks.map((armoredSignature) => readSignature({ armoredSignature }))
        : [readSignature({ binarySignature: new Uint8Array(bytes) })],
    );
  } catch (error) {
    return invalid('it is no OpenPGP signature', error);
  }
  const packets = signatures.flatMap((signature) => [...signature.packets]);
  if (packets.length === 0) return invalid('it holds no signature');
  if (packets.length > maxSignatures) return invalid(`it holds more than ${maxSignatures} signatures`);
  // Other types do not sign a document: a standalone one would be good beside any bytes.
  const documentTypes: readonly (number | null)[] = [enums.signature.binary, enums.signature.text];
  if (packets.some(({ signatureType }) => !documentTypes.includes(signatureType))) {
    return invalid('it is not the signature of a document');
  }
  return signatures;
}

/** @returns null for a good signature by this key, else why it is not. */
async function refusal(check: {
  readonly detached: DetachedSignature;
  readonly signature: Signature;
  readonly key: PublicKey;
}): Promise<string | null> {
  const { detached, signature, key } = check;
  const { createMessage, verify } = await import('openpgp');
  const date = new Date(detached.now);
  try {
    const { signatures } = await verify({
      message: await createMessage({ binary: new Uint8Array(detached.bytes) }),
      signature,
      verificationKeys: key,
      date,
    });
    // All are awaited, so that no rejection is left over.
    const verdicts = await Promise.allSettled(signatures.map(({ verified }) => verified));
    const own = signatures.flatMap(({ keyID }, index) => {
      const verdict = verdicts[index];
      return verdict === undefined || key.getKeys(keyID).length === 0 ? [] : [{ keyID, verdict }];
    });
    const good = own.find(({ verdict }) => verdict.status === 'fulfilled');
    if (good === undefined) {
      return own.flatMap(({ verdict }) => (verdict.status === 'rejected' ? reasonOf(verdict.reason) : [])).join(', ');
    }
    // `verify` judges the key at the time of signing; whether it may be trusted today is asked here.
    await key.getSigningKey(good.keyID, date);
    return null;
  } catch (error) {
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function invalid(reason: string, cause?: unknown): never {
  throw new WaystationError('signature_invalid', `the signature is not accepted: ${reason}`, { cause });
}
