import { webcrypto } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { storeLock } from '../../../cli/hub/store-lock.ts';
import { systemDisk } from '../../../disk/disk.ts';
import { HubFleet } from '../../../hub/fleet/hub-fleet.ts';
import { PopRecords } from '../../../hub/fleet/pop-records.ts';
import { Tokens } from '../../../hub/fleet/tokens.ts';
import type { NewToken } from '../../../hub/fleet/tokens.ts';
import { Authority } from '../../../hub/keys/authority.ts';
import { KeyFolder } from '../../../hub/keys/key-folder.ts';
import { SigningKeys } from '../../../hub/keys/signing-keys.ts';
import { x509 } from '../../../hub/keys/x509.ts';
import { DirectoryStore } from '../../../hub/store/directory-store.ts';
import type { ObjectStore } from '../../../hub/store/object-store.ts';
import { initStore } from '../../../hub/store/store-format.ts';
import { tokenText } from '../../../protocol/token.ts';
import { StandingClock } from '../../support/standing-clock.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

export const minute = 60_000;
export const day = 24 * 60 * minute;

/** A hub's store in a directory, with keys, and a clock that stands. */
export interface Ground extends AsyncDisposable {
  readonly directory: string;
  readonly store: DirectoryStore;
  readonly authority: Authority;
  readonly keys: SigningKeys;
  readonly clock: StandingClock;
  /** A fleet on it, as another process would have one; `store` in the place of its own. */
  fleet(store?: ObjectStore): HubFleet;
  /** A token, as text. */
  token(asked?: Partial<NewToken>): Promise<string>;
}

export async function ground(): Promise<Ground> {
  const directory = await temporaryDirectory();
  const root = join(directory.path, 'store');
  await mkdir(root);
  const clock = new StandingClock(Date.now());
  const store = new DirectoryStore({
    root,
    disk: systemDisk,
    clock: systemClock,
    lock: await storeLock(root, systemClock),
  });
  await initStore(store);
  const folder = new KeyFolder(join(directory.path, 'keys'));
  const authority = await Authority.make(folder, 'hub.example.com', clock.now());
  await SigningKeys.make(folder, clock.now());
  const keys = await SigningKeys.open(folder, clock);
  const parts = { authority, keys, clock, log: silentLogger, certificateLife: 90 * day };
  return {
    directory: directory.path,
    store,
    authority,
    keys,
    clock,
    fleet: (own = store) => new HubFleet({ store: own, ...parts }),
    token: async (asked = {}) => {
      const tokens = new Tokens({ store, pops: new PopRecords({ store, clock }), clock });
      const { record, secret } = await tokens.create({ labels: {}, uses: 1, ttl: 60 * minute, by: 'test', ...asked });
      const ca = authority.fingerprint;
      return tokenText({ url: 'https://hub.example.com', ca, id: record.id, secret });
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

export const p256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A key pair of a PoP. */
export async function popKeys(algorithm: object = p256): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm as webcrypto.RsaHashedKeyGenParams, true, ['sign', 'verify']);
}

/** A certificate signing request by a key, PEM. */
export async function csrOf(keys: webcrypto.CryptoKeyPair, signingAlgorithm: object = p256): Promise<string> {
  const { Pkcs10CertificateRequestGenerator } = await x509();
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=whoever',
    keys,
    signingAlgorithm: signingAlgorithm as webcrypto.EcdsaParams,
  });
  return request.toString('pem');
}

export const from = { address: '192.0.2.7' };

/** A fleet on the store and the keys in `directory`, as `hub init` made them. */
export async function fleetIn(directory: string): Promise<HubFleet> {
  const root = join(directory, 'store');
  const [clock, folder] = [systemClock, new KeyFolder(join(directory, 'keys'))];
  const store = new DirectoryStore({ root, disk: systemDisk, clock, lock: await storeLock(root, clock) });
  const [authority, keys] = [await Authority.open(folder), await SigningKeys.open(folder)];
  return new HubFleet({ store, authority, keys, clock, log: silentLogger, certificateLife: 90 * day });
}
