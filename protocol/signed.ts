import type { KeyObject } from 'node:crypto';
import type * as library from 'jose';
import { z } from 'zod';
import { WaystationError } from '../base/errors.ts';

/** Ed25519 public keys as a JWK Set (RFC 7517, RFC 8037). */
export const publicKeys = z.object({
  keys: z.array(
    z.object({
      kid: z.string(),
      alg: z.literal('EdDSA'),
      use: z.literal('sig'),
      kty: z.literal('OKP'),
      crv: z.literal('Ed25519'),
      x: z.string(),
    }),
  ),
});

export type PublicKeys = z.output<typeof publicKeys>;

/** What a document is: one that was signed as another kind is refused (RFC 8725 §3.11). */
export type SignedKind = 'snapshot' | 'channel' | 'assignment' | 'origins';

/** Loaded when something is first signed or verified: a PoP that follows no hub never does. */
const jose = (): Promise<typeof library> => import('jose');

const typeOf = (kind: SignedKind): string => `waystation-${kind}+jws`;

/** A private key, with the id by which its public half is known. */
export interface Signer {
  readonly id: string;
  readonly key: KeyObject;
}

/** Signs a document, as a compact JWS (RFC 7515 §7.1). */
export async function signed(kind: SignedKind, document: unknown, signer: Signer): Promise<string> {
  const { CompactSign } = await jose();
  return new CompactSign(new TextEncoder().encode(JSON.stringify(document)))
    .setProtectedHeader({ alg: 'EdDSA', kid: signer.id, typ: typeOf(kind) })
    .sign(signer.key);
}

/**
 * The same document by another key; null when it is not signed by `from`.
 * @throws WaystationError `untrusted` when it says that it is, and is not, or is nothing signed at all.
 */
export async function signedAnew(
  text: string,
  { from, keys, signer }: { readonly from: string; readonly keys: PublicKeys; readonly signer: Signer },
): Promise<string | null> {
  const { CompactSign, compactVerify, createLocalJWKSet, decodeProtectedHeader } = await jose();
  try {
    if (decodeProtectedHeader(text).kid !== from) return null;
    const local = createLocalJWKSet({ keys: [...keys.keys] });
    const { payload, protectedHeader } = await compactVerify(text, local, { algorithms: ['EdDSA'] });
    return await new CompactSign(payload).setProtectedHeader({ ...protectedHeader, kid: signer.id }).sign(signer.key);
  } catch (cause) {
    throw new WaystationError('untrusted', 'a document of the hub is refused: it is no signed document', { cause });
  }
}

/**
 * Reads a signed document.
 * @param schema what the document has to look like; fields that it does not know are ignored.
 * @throws WaystationError `untrusted` when no key that is believed signed it, as this kind, or it is no such document.
 */
export async function verified<Schema extends z.ZodType>(
  text: string,
  { kind, keys, schema }: { readonly kind: SignedKind; readonly keys: PublicKeys; readonly schema: Schema },
): Promise<z.output<Schema>> {
  const { compactVerify, createLocalJWKSet, errors } = await jose();
  const refuse = (why: string, cause?: unknown): WaystationError =>
    new WaystationError('untrusted', `a ${kind} of the hub is refused: ${why}`, { cause });
  try {
    const { payload, protectedHeader } = await compactVerify(text, createLocalJWKSet({ keys: [...keys.keys] }), {
      algorithms: ['EdDSA'],
    });
    if (protectedHeader.typ !== typeOf(kind)) throw refuse('it was signed as something else');
    const document = schema.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)));
    if (!document.success) throw refuse(`it is none: ${document.error.issues[0]?.path.join('.')}`);
    return document.data;
  } catch (error) {
    if (error instanceof WaystationError) throw error;
    if (error instanceof errors.JWKSNoMatchingKey) throw refuse('it is signed by a key that is not known', error);
    if (error instanceof errors.JWSSignatureVerificationFailed) throw refuse('its signature does not fit', error);
    throw refuse('it is no signed document', error);
  }
}
