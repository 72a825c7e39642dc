import { systemClock } from '../../base/clock.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { Audit } from '../../hub/audit/audit.ts';
import { Channels } from '../../hub/channels/channels.ts';
import { Authority } from '../../hub/keys/authority.ts';
import { KeyFolder } from '../../hub/keys/key-folder.ts';
import { publishKeys } from '../../hub/keys/retirement.ts';
import { SigningKeys } from '../../hub/keys/signing-keys.ts';
import { keysOf } from '../../hub/store/layout.ts';
import type { ObjectStore } from '../../hub/store/object-store.ts';
import { raiseEpoch, readEpoch } from '../../hub/store/epoch.ts';
import { initStore } from '../../hub/store/store-format.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';
import { localUser } from './local-user.ts';
import { openHubStore } from './open-store.ts';

/**
 * `waystation hub init`: makes keys and store where there are none. What is there stays, so it can be run again.
 * @param asked `isRestored`: the store comes from a backup, so that what PoPs have seen of it may be newer.
 */
export async function hubInit(
  config: HubConfig,
  { json, isRestored }: { readonly json: boolean; readonly isRestored: boolean },
  terminal: Terminal,
): Promise<number> {
  const store = await openHubStore(config);
  // The store first: of one that is not a hub's nothing is touched, and no keys are made for it.
  const isNew = (await store.has(keysOf.format)) === null;
  const { id } = await initStore(store);
  const folder = new KeyFolder(config.keys);
  const now = systemClock.now();
  const authority = await Authority.make(folder, new URL(config.publicUrl).hostname, now);
  const signing = await SigningKeys.make(folder, now);
  await publishKeys(store, signing);
  const { fingerprint } = authority;
  if (isNew) await new Audit({ store, clock: systemClock }).note({ who: localUser(), what: 'hub.init', on: id });
  const epoch = isRestored ? await restored(store, signing) : await readEpoch(store);
  if (json) {
    const made = { store: config.store.path, id, keys: config.keys, fingerprint, signingKey: signing.signer.id, epoch };
    terminal.out(JSON.stringify(made, null, 2));
  } else {
    terminal.out(`store ${config.store.path} (${id})`);
    terminal.out(`keys ${config.keys}: back them up, and nothing of them into the store`);
    terminal.out(`authority sha256:${fingerprint}`);
    if (isRestored)
      terminal.out(`epoch ${epoch}: PoPs go on when \`waystation register --hub URL --accept-epoch\` was run there`);
  }
  return exitCodes.ok;
}

/** Numbers begin anew: a new epoch, in which every channel says again what it says. */
async function restored(store: ObjectStore, keys: SigningKeys): Promise<number> {
  const clock = systemClock;
  const epoch = await raiseEpoch(store, clock.now());
  const channels = new Channels({ store, keys, clock, epoch });
  for await (const { channel } of channels.list()) await channels.renew(channel);
  await new Audit({ store, clock }).note({ who: localUser(), what: 'hub.restored', on: 'epoch', to: String(epoch) });
  return epoch;
}
