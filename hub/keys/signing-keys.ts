import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { systemClock } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import { digestOf, hexOf } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { PublicKeys } from '../../protocol/signed.ts';
import type { KeyFolder } from './key-folder.ts';

const listName = 'signing.json';

/** Which keys there are, oldest first. A key that is listed is believed; of those that sign by now the last one does. */
const keyList = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[0-9a-f]{16}$/),
        created: z.iso.datetime(),
        /** From when on it signs; absent: from the beginning. */
        signs: z.iso.datetime().optional(),
      }),
    )
    .min(1),
});

type KeyList = z.output<typeof keyList>;

export interface SigningKey {
  readonly id: string;
  readonly key: KeyObject;
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly signs: number;
}

/** The Ed25519 keys by which PoPs know what the hub says (RFC 8037). */
export class SigningKeys {
  readonly #folder: KeyFolder;
  readonly #clock: Pick<Clock, 'now'>;
  #text: string;
  #keys: readonly SigningKey[];

  private constructor(folder: KeyFolder, clock: Pick<Clock, 'now'>, { text, keys }: Read) {
    this.#folder = folder;
    this.#clock = clock;
    this.#text = text;
    this.#keys = keys;
  }

  /** Makes a first key where there is none. */
  static async make(folder: KeyFolder, now: number): Promise<SigningKeys> {
    if ((await folder.read(listName)) === null) {
      const id = await newSigningKey(folder);
      await folder.make(listName, listText({ keys: [{ id, created: new Date(now).toISOString() }] }));
    }
    return SigningKeys.open(folder);
  }

  /** @throws WaystationError `secret_unreadable` when a key that is listed cannot be read. */
  static async open(folder: KeyFolder, clock: Pick<Clock, 'now'> = systemClock): Promise<SigningKeys> {
    return new SigningKeys(folder, clock, await read(folder, null, []));
  }

  /** Sees what another process did to the keys; what cannot be read changes nothing. @throws as `open` */
  async look(): Promise<void> {
    const seen = await read(this.#folder, this.#text, this.#keys);
    this.#text = seen.text;
    this.#keys = seen.keys;
  }

  /** Oldest first. */
  get list(): readonly SigningKey[] {
    return this.#keys;
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
    const [now, [oldest]] = [this.#clock.now(), this.#keys];
    const newest = this.#keys.findLast(({ signs }) => signs <= now) ?? oldest;
    if (newest === undefined) throw new WaystationError('secret_unreadable', 'there is no signing key');
    return newest;
  }

  /** The key that signs what tells PoPs of new keys: the oldest, so that also those believe it that were away long. */
  get introducer(): SigningKey {
    return this.#keys[0] ?? this.signer;
  }

  /** Makes a key that signs from `signs` on, milliseconds since the epoch, and is published at once. */
  async rotate(signs: number): Promise<SigningKey> {
    const id = await newSigningKey(this.#folder);
    const [created, from] = [new Date(this.#clock.now()).toISOString(), new Date(signs).toISOString()];
    await this.#change(({ keys }) => ({ keys: [...keys, { id, created, signs: from }] }));
    const made = this.#keys.find((key) => key.id === id);
    if (made === undefined) throw new WaystationError('secret_unreadable', 'the new key was taken away again');
    return made;
  }

  /** Believes a key no more. The caller has seen to it that nothing is signed by it any more. */
  async retire(id: string): Promise<void> {
    await this.#change(({ keys }) => ({ keys: keys.filter((key) => key.id !== id) }));
    await this.#folder.remove(`signing-${id}.key`);
  }

  async #change(change: (list: KeyList) => KeyList): Promise<void> {
    const list = parsedList(this.#folder, await this.#folder.need(listName));
    await this.#folder.replace(listName, listText(change(list)));
    await this.look();
  }
}

interface Read {
  readonly text: string;
  readonly keys: readonly SigningKey[];
}

/** @param before the list as it was read before, with its keys: the same list is not read again. */
async function read(folder: KeyFolder, before: string | null, keys: readonly SigningKey[]): Promise<Read> {
  const text = await folder.need(listName);
  if (text === before) return { text, keys };
  const opened = parsedList(folder, text).keys.map(async ({ id, created, signs = created }) => {
    const key = createPrivateKey(await folder.need(`signing-${id}.key`));
    if (idOf(key) !== id)
      throw new WaystationError('secret_unreadable', `${folder.path}/signing-${id}.key is another key`);
    return { id, key, created: Date.parse(created), signs: Date.parse(signs) };
  });
  return { text, keys: await Promise.all(opened) };
}

/** @returns the id of a new key, whose private half is in the folder. */
async function newSigningKey(folder: KeyFolder): Promise<string> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const id = idOf(privateKey);
  await folder.make(`signing-${id}.key`, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return id;
}

function listText(list: KeyList): string {
  return `${JSON.stringify(list, null, 2)}\n`;
}

function parsedList(folder: KeyFolder, text: string): KeyList {
  const list = keyList.safeParse(parsed(text));
  if (!list.success) throw new WaystationError('secret_unreadable', `${folder.path}/${listName} is no list of keys`);
  return list.data;
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
