import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { SnapshotControl } from '../../hub/api/snapshot-control.ts';
import type { Actor } from '../../hub/audit/audit.ts';
import { StoreMaps } from '../../hub/content/store-maps.ts';
import { StoreSink } from '../../hub/content/store-sink.ts';
import { packagesOf } from '../../hub/gates/bundle.ts';
import { Reports } from '../../hub/gates/reports.ts';
import { bundleOf } from '../../hub/gates/snapshot-bundle.ts';
import { Notes } from '../../hub/snapshots/notes.ts';
import { snapshotDiff } from '../../hub/snapshots/snapshot-diff.ts';
import type { KnownSnapshot } from '../../hub/snapshots/snapshot-diff.ts';
import type { HubParts } from './hub-parts.ts';
import { checkSnapshot } from './snapshot-check.ts';

/** What is said of snapshots and how they go, on a hub's own store. @param who on whose behalf. */
export function snapshotControl(hub: HubParts, { config, who }: { config: HubConfig; who: Actor }): SnapshotControl {
  const { store, snapshots, origins, audit, retirements } = hub;
  const notes = new Notes({ store, clock: systemClock });
  const known = async (name: string): Promise<KnownSnapshot> => {
    const snapshot = await snapshots.need(name);
    return { snapshot, origins: await origins.of(snapshot), notes: await notes.of(name) };
  };
  return {
    diff: async (from, to) => {
      const maps = new StoreMaps({ store, disk: systemDisk, folder: join(config.state, 'maps') });
      try {
        return await snapshotDiff(new StoreSink({ store, maps }), await known(from), await known(to));
      } finally {
        await maps.close();
      }
    },
    notes: async (name) => {
      await snapshots.need(name);
      return { snapshot: name, notes: await notes.of(name) };
    },
    note: async ({ snapshot: name, nevra, text }) => {
      const snapshot = await snapshots.need(name);
      const bundle = await bundleOf(snapshot, store, await origins.of(snapshot));
      const packages = await packagesOf(bundle, new AbortController().signal);
      if (!packages.some((one) => one.text === nevra))
        throw new WaystationError('bad_request', `${name} has no package ${nevra}: name-[epoch:]version-release.arch`);
      const made = await notes.add(name, { nevra, text, by: who.name });
      await audit.note({ who, what: 'snapshot.note', on: name, to: nevra });
      return made;
    },
    check: async ({ snapshot, channel }) => {
      const { gates } = config;
      if (gates === null) {
        const why = 'no gates: name their file with --gates, or with `gates` in the configuration';
        throw new WaystationError('bad_request', why);
      }
      return checkSnapshot(hub, { gates, name: snapshot, channel, occasion: 'check', by: who.name });
    },
    reports: async (name, all) => {
      await snapshots.need(name);
      return { snapshot: name, reports: await new Reports(store).of(name, all ? Infinity : 1) };
    },
    retire: async ({ snapshot: name, why }) => {
      const grace = config.keep?.grace ?? null;
      await retirements.retire(await snapshots.need(name), { by: who.name, why, grace });
      await audit.note({ who, what: 'snapshot.retire', on: name, why });
      return retirements.find(name);
    },
  };
}
