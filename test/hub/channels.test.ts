import { describe, expect, test } from 'vitest';
import { Channels } from '../../hub/channels/channels.ts';
import { raiseEpoch, readEpoch } from '../../hub/store/epoch.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import { day, ground, minute } from './fleet/fleet-ground.ts';
import type { Ground } from './fleet/fleet-ground.ts';

const change = { by: 'alice', why: 'patch day' };

async function channelsOf({ store, keys, clock }: Ground): Promise<Channels> {
  return new Channels({ store, keys, clock, epoch: await readEpoch(store) });
}

function snapshot(name: string): SnapshotDocument {
  return { name, content: `sha256:${'a'.repeat(64)}` } as SnapshotDocument;
}

describe('a channel', () => {
  test('is said again when half of its life is over, and goes back to what it pointed to before', async () => {
    await using hub = await ground();
    const channels = await channelsOf(hub);
    await channels.promote('stable', snapshot('week-1'), change);
    await channels.promote('stable', snapshot('week-2'), change);
    hub.clock.advance(15 * day - minute);
    expect(await channels.renew('stable')).toBeNull();
    hub.clock.advance(minute);
    expect(await channels.renew('stable')).toMatchObject({
      snapshot: 'week-2',
      sequence: 3,
      by: 'hub',
      why: 'renewed',
      expires: new Date(hub.clock.now() + 30 * day).toISOString(),
    });
    expect(await channels.renew('stable')).toBeNull();
    expect(await channels.rollback('stable', change)).toMatchObject({ snapshot: 'week-1', sequence: 4 });
  });

  test('is said again by the service by itself', async () => {
    await using hub = await ground();
    const channels = await channelsOf(hub);
    await channels.promote('stable', snapshot('week-1'), change);
    await channels.promote('broken', snapshot('week-1'), change);
    await hub.store.put('public/channels/broken.jws', Buffer.from('x'));
    hub.clock.advance(16 * day);
    const fleet = hub.fleet();
    fleet.start();
    await expect.poll(async () => (await channels.find('stable'))?.sequence).toBe(2);
    await fleet.close();
  });

  test('is of a new epoch when the store was restored', async () => {
    await using hub = await ground();
    await (await channelsOf(hub)).promote('stable', snapshot('week-1'), change);
    expect(await raiseEpoch(hub.store, hub.clock.now())).toBe(Math.floor(hub.clock.now() / 1_000));
    const [epoch, before] = [await raiseEpoch(hub.store, 0), await readEpoch(hub.store)];
    expect([epoch, before]).toEqual([Math.floor(hub.clock.now() / 1_000) + 1, epoch]);
    expect(await (await channelsOf(hub)).renew('stable')).toMatchObject({ epoch, sequence: 2, snapshot: 'week-1' });
    expect(await (await channelsOf(hub)).renew('stable')).toBeNull();
  });
});
