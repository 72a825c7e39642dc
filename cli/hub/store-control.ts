import { systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import type { HubControl, ListedSnapshot } from '../../hub/api/control.ts';
import type { Actor } from '../../hub/audit/audit.ts';
import { readRules, setRules } from '../../hub/fleet/assignment-rules.ts';
import { tokenRows } from '../../hub/fleet/token-rows.ts';
import type { GateFinding } from '../../hub/gates/finding.ts';
import { Notes } from '../../hub/snapshots/notes.ts';
import type { ObjectStore } from '../../hub/store/object-store.ts';
import { openFleet } from './fleet-parts.ts';
import { openHub } from './hub-parts.ts';
import { onlyAtOrigin } from './missing-at-origin.ts';
import { openHubStore } from './open-store.ts';
import { snapshotControl } from './snapshot-control.ts';
import { promoteThrough } from './promotion.ts';

export interface StoreControlOptions {
  readonly config: HubConfig;
  /** On whose behalf. */
  readonly who: Actor;
  /** Told what gates find on a promotion; default: what fails says it. */
  readonly onFindings?: (findings: readonly GateFinding[]) => void;
  /** Told of what is damaged in the store. */
  readonly log: Logger;
  /** Open already; default: that of the configuration. */
  readonly store?: ObjectStore;
}

/**
 * What can be done to a hub, on its own store. Keys, epoch and records are read anew with each of these, so that it acts
 * on what other processes left. @throws WaystationError when store or keys are not a hub's, or not there.
 */
export async function storeControl(options: StoreControlOptions): Promise<HubControl> {
  const { config, who, log, onFindings = null, store = await openHubStore(config) } = options;
  const [hub, fleet] = [await openHub(config, store), await openFleet(config, log, store)];
  const { snapshots, channels, audit, retirements } = hub;
  const { tokens, pops, standings, heartbeats, view } = fleet;
  const control: HubControl = {
    ...snapshotControl(hub, { config, who }),
    snapshots: async () => {
      const list: ListedSnapshot[] = [];
      for await (const snapshot of snapshots.list())
        list.push({ ...snapshot, retired: (await retirements.find(snapshot.name))?.at ?? null });
      return { snapshots: list };
    },
    snapshot: async (name) => {
      const snapshot = await snapshots.need(name);
      const notes = await new Notes({ store, clock: systemClock }).of(name);
      const found = await retirements.find(name);
      const retirement = found === null ? null : { at: found.at, by: found.by, why: found.why };
      const missing = await onlyAtOrigin(hub, config, snapshot);
      return { ...snapshot, onlyAtOrigin: missing, notes, retired: retirement?.at ?? null, retirement };
    },
    channels: async () => ({ channels: await all(channels.list()) }),
    channel: async (name) => {
      const current = await channels.find(name);
      return { channels: [...(current === null ? [] : [current]), ...(await channels.history(name))] };
    },
    promote: (asked) => promoteThrough(hub, { ...asked, who, gates: config.gates, onFindings }),
    rollback: async ({ channel, why }) => {
      const after = await channels.rollback(channel, { by: who.name, why });
      await audit.note({ who, what: 'channel.rollback', on: channel, to: after.snapshot, why });
      return after;
    },
    pops: async () => ({ pops: await standings.pops() }),
    pop: async (pop) => {
      const record = await pops.find(pop);
      const standing = await standings.of(record, await view.state());
      const heartbeat = (await heartbeats.last(record.id))?.document ?? null;
      const { registered, from, certificateEnds, token, revoked } = record;
      return { ...standing, registered, from, certificateEnds, token, revoked, heartbeat };
    },
    labelPop: async (pop, changes) => {
      const { id, name, labels } = await pops.label(pop, changes, who);
      return { id, name, labels };
    },
    renamePop: async (pop, name) => ({ id: (await pops.rename(pop, name, who)).id, name }),
    revokePop: async (pop, why) => {
      const { id, name, revoked } = await pops.revoke(pop, why, who);
      return { id, name, revoked };
    },
    tokens: async () => tokenRows(await tokens.list(), systemClock.now()),
    createToken: async ({ labels, uses, ttl }) => {
      const { record, text } = await tokens.create({ labels, uses, ttl: ttl * 1_000 }, who);
      return { token: text, id: record.id, labels, uses, expires: record.expires, url: config.publicUrl };
    },
    createOperator: async ({ name, role, ttl }) => {
      const { record, text } = await tokens.createOperator({ name, role, ttl: ttl * 1_000 }, who);
      return { token: text, id: record.id, name, role, expires: record.expires };
    },
    certifyOperator: async ({ name, role, ttl, csr }) => {
      const { record, certificate } = await tokens.certifyOperator({ name, role, ttl: ttl * 1_000 }, csr, who);
      return { certificate, id: record.id, name, role, expires: record.expires };
    },
    revokeToken: async (id) => {
      await tokens.revoke(id, who);
      return { id };
    },
    assignments: async () => ({ assignments: (await readRules(store))?.rules ?? null }),
    setAssignments: async (rules) => {
      await setRules(store, rules, { by: who.name, clock: systemClock });
      await audit.note({ who, what: 'assignments.set', on: 'assignments', to: `${rules.length} rules` });
      return control.assignments();
    },
    audit: async (since) => ({ audit: await all(audit.list(since)) }),
  };
  return control;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
