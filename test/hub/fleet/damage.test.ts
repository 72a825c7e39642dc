import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Heartbeats } from '../../../hub/fleet/heartbeats.ts';
import { HubFleet } from '../../../hub/fleet/hub-fleet.ts';
import { keysOf } from '../../../hub/store/layout.ts';
import type { Logger } from '../../../base/log.ts';
import { silentLogger } from '../../../base/log.ts';
import type { Heartbeat } from '../../../protocol/heartbeat.ts';
import { csrOf, day, from, ground, popKeys } from './fleet-ground.ts';

const heartbeat: Heartbeat = {
  format: 1,
  version: '0.1.0',
  at: '2026-11-30T12:00:00Z',
  started: '2026-11-30T12:00:00Z',
  channels: [],
  traffic: { requests: 0, hits: 0, bytes: 0, upstreamBytes: 0 },
  cache: { state: 'ok', bytes: 0, max: 0, free: 0 },
};

describe('what is damaged in the store', () => {
  test('hides no other PoP, is told, and is no refusal', async () => {
    await using hub = await ground();
    const told: object[] = [];
    const log: Logger = { ...silentLogger, error: (fields) => void told.push(fields) };
    const { store, authority, keys, clock } = hub;
    const fleet = new HubFleet({ store, authority, keys, clock, log, certificateLife: 90 * day });
    const token = await hub.token({ uses: 2 });
    const register = async (name: string): ReturnType<HubFleet['register']> =>
      fleet.register({ token, csr: await csrOf(await popKeys()), name }, from);
    const { credentials } = await register('lyon-1');
    await register('oslo-1');
    const key = keysOf.pop(credentials.pop.id);
    await store.put(key, Buffer.from('{ "format": 1'));
    expect((await fleet.pops()).map(({ name }) => name)).toEqual(['oslo-1']);
    expect(told).toEqual([expect.objectContaining({ path: key })]);
    const shown = new X509Certificate(credentials.certificate).raw;
    await expect(fleet.identify(shown, { renewing: false })).rejects.toMatchObject({ code: 'store_damaged' });
  });

  test('of a heartbeat is mended by the next one', async () => {
    await using hub = await ground();
    const pop = '00000000-0000-8000-8000-000000000000';
    await hub.store.put(keysOf.heartbeat(pop), Buffer.from('x'));
    expect(await new Heartbeats(hub).last(pop)).toBeNull();
    await new Heartbeats(hub).keep(pop, heartbeat, new Map());
    expect((await new Heartbeats(hub).last(pop))?.document.version).toBe('0.1.0');
  });
});
