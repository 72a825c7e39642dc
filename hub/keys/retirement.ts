import { WaystationError } from '../../base/errors.ts';
import { signedAnew } from '../../protocol/signed.ts';
import { jsonBytes } from '../store/json-object.ts';
import { keysOf } from '../store/layout.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { SigningKey, SigningKeys } from './signing-keys.ts';

/** Where signed documents are that nobody signs again by himself; assignments are. */
const signedOnes = [keysOf.snapshots, keysOf.channels, 'private/channels/', 'private/origins/'];

/** Makes a key that signs from `signs` on (milliseconds since the epoch); PoPs hear of it from now on. */
export async function rotateKey(store: ObjectStore, keys: SigningKeys, signs: number): Promise<SigningKey> {
  const made = await keys.rotate(signs);
  await publishKeys(store, keys);
  return made;
}

/**
 * Takes a key out of use: what it has signed is signed by the one that signs now, then it is believed no more. Cut off
 * anywhere, it is still believed, and the next try goes on.
 * @returns how many documents were signed again.
 * @throws WaystationError `bad_request` when there is no such key, or nothing else to sign with.
 */
export async function retireKey(store: ObjectStore, keys: SigningKeys, id: string): Promise<number> {
  if (!keys.list.some((key) => key.id === id))
    throw new WaystationError('bad_request', `no signing key has the id ${id}; \`waystation hub keys\` lists them`);
  if (keys.signer.id === id)
    throw new WaystationError('bad_request', `${id} is the key that signs: \`waystation hub keys rotate\` comes first`);
  let count = 0;
  for (const prefix of signedOnes) count += await signAgain(store, prefix, { id, keys });
  // Believed last: cut off before that, all of it is done again.
  await publishKeys(store, { published: { keys: keys.published.keys.filter(({ kid }) => kid !== id) } });
  await keys.retire(id);
  return count;
}

/** The public halves, for whoever reads the store. */
export async function publishKeys(store: ObjectStore, keys: Pick<SigningKeys, 'published'>): Promise<void> {
  await store.put(keysOf.publicKeys, jsonBytes(keys.published));
}

async function signAgain(
  store: ObjectStore,
  prefix: string,
  { id, keys }: { readonly id: string; readonly keys: SigningKeys },
): Promise<number> {
  let count = 0;
  for await (const { key } of store.list(prefix)) {
    if (!key.endsWith('.jws')) continue;
    for (;;) {
      const object = await store.get(key);
      const how = { from: id, keys: keys.published, signer: keys.signer };
      const text = object === null ? null : await signedAnew(object.bytes.toString(), how);
      if (object === null || text === null) break;
      if ((await store.putIfMatch(key, Buffer.from(text), object.version)) === null) continue;
      count += 1;
      break;
    }
  }
  return count;
}
