import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { digestOf, hexOf } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { PublicKeys } from '../../protocol/signed.ts';
import type { KeyFolder } from './key-folder.ts';

const listName = 'signing.json';

/** Which keys there are, newest last; the last one signs, the others are still believed. */
const keyList = z.strictObject({
  keys: z.array(z.strictObject({ id: z.string().regex(/^[0-9a-f]{16}$/), created: z.iso.datetime() })).min(1),
});

interface SigningKey {
  readonly id: string;
  readonly key: KeyObject;
}

/** The Ed25519 keys by which PoPs know what the hub says (RFC 8037). */
export class SigningKeys {
  readonly #keys: readonly SigningKey[];

  private constructor(keys: readonly SigningKey[]) {
    this.#keys = keys;
  }

  /** Makes a first key where there is none. */
  static async make(folder: KeyFolder, now: number): Promise<SigningKeys> {
    if ((await folder.read(listName)) === null) {
      const { privateKey } = generateKeyPairSync('ed25519');
      const id = idOf(privateKey);
      await folder.make(`signing-${id}.key`, privateKey.export({ type: 'pkcs8', format: 'pem' }));
      const list = { keys: [{ id, created: new Date(now).toISOString() }] };
      await folder.make(listName, `${JSON.stringify(list, null, 2)}\n`);
    }
    return SigningKeys.open(folder);
  }

  /** @throws WaystationError `secret_unreadable` when a key that is listed cannot be read. */
  static async open(folder: KeyFolder): Promise<SigningKeys> {
    const list = keyList.safeParse(parsed(await folder.need(listName)));
    if (!list.success) throw new WaystationError('secret_unreadable', `${folder.path}/${listName} is no list of keys`);
    const keys = list.data.keys.map(async ({ id }) => {
      const key = createPrivateKey(await folder.need(`signing-${id}.key`));
      if (idOf(key) !== id)
        throw new WaystationError('secret_unreadable', `${folder.path}/signing-${id}.key is another key`);
      return { id, key };
    });
    return new SigningKeys(await Promise.all(keys));
  }

  /** The public halves, oldest first. */
  get published(): PublicKeys {
    return {
      keys: this.#keys.map(({ id, key }) => ({
        kid: id,
        alg: 'EdDSA',
        use: 'sig',
        kty: 'OKP',
        crv: 'Ed25519',
        x: xOf(key),
      })),
    };
  }

  /** The key that signs. */
  get signer(): SigningKey {
    const newest = this.#keys.at(-1);
    if (newest === undefined) throw new WaystationError('secret_unreadable', 'there is no signing key');
    return newest;
  }
}

/** The first 64 bits of the sha256 of the public key. */
function idOf(key: KeyObject): string {
  return hexOf(digestOf(createPublicKey(key).export({ type: 'spki', format: 'der' }))).slice(0, 16);
}

function xOf(key: KeyObject): string {
  return String(createPublicKey(key).export({ format: 'jwk' }).x);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
