import { systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { Audit } from '../../hub/audit/audit.ts';
import { Heartbeats } from '../../hub/fleet/heartbeats.ts';
import { HubView } from '../../hub/fleet/hub-view.ts';
import { PopControl } from '../../hub/fleet/pop-control.ts';
import { PopNames } from '../../hub/fleet/pop-names.ts';
import { PopRecords } from '../../hub/fleet/pop-records.ts';
import { Standings } from '../../hub/fleet/standings.ts';
import { TokenControl } from '../../hub/fleet/token-control.ts';
import { Tokens } from '../../hub/fleet/tokens.ts';
import { Authority } from '../../hub/keys/authority.ts';
import { KeyFolder } from '../../hub/keys/key-folder.ts';
import { SigningKeys } from '../../hub/keys/signing-keys.ts';
import { OperatorCertificates } from '../../hub/operators/operator-certificates.ts';
import { Operators } from '../../hub/operators/operators.ts';
import type { ObjectStore } from '../../hub/store/object-store.ts';
import { readFormat } from '../../hub/store/store-format.ts';
import { openHubStore } from './open-store.ts';

/** What commands about PoPs act on. */
export interface FleetParts {
  readonly store: ObjectStore;
  readonly keys: SigningKeys;
  readonly audit: Audit;
  readonly tokens: TokenControl;
  readonly pops: PopControl;
  readonly records: PopRecords;
  readonly heartbeats: Heartbeats;
  readonly view: HubView;
  readonly standings: Standings;
}

/**
 * @param opened the store, where it is open already.
 * @param log told of what is damaged in it.
 * @throws WaystationError when store or keys are not a hub's, or not there.
 */
export async function openFleet(config: HubConfig, log: Logger, opened?: ObjectStore): Promise<FleetParts> {
  const [store, clock] = [opened ?? (await openHubStore(config)), systemClock];
  await readFormat(store);
  const folder = new KeyFolder(config.keys);
  const [authority, keys] = [await Authority.open(folder), await SigningKeys.open(folder)];
  const records = new PopRecords({ store, clock, log });
  const audit = new Audit({ store, clock });
  const names = new PopNames({ store, pops: records, clock });
  const view = new HubView({ store, keys, clock, log });
  const heartbeats = new Heartbeats({ store, clock });
  const operators = new Operators({ store, clock });
  const tokens = new TokenControl({
    tokens: new Tokens({ store, pops: records, clock }),
    operators,
    certificates: new OperatorCertificates({ operators, authority, clock }),
    audit,
    hub: { url: config.publicUrl, ca: authority.fingerprint },
  });
  const pops = new PopControl({ pops: records, names, audit, clock });
  const standings = new Standings({ pops: records, heartbeats, view, clock });
  return { store, keys, audit, tokens, pops, records, heartbeats, view, standings };
}
