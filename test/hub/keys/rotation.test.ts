import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeProtectedHeader } from 'jose';
import { describe, expect, test } from 'vitest';
import { Channels } from '../../../hub/channels/channels.ts';
import type { HubFleet } from '../../../hub/fleet/hub-fleet.ts';
import { KeyFolder } from '../../../hub/keys/key-folder.ts';
import { retireKey, rotateKey } from '../../../hub/keys/retirement.ts';
import { SigningKeys } from '../../../hub/keys/signing-keys.ts';
import { Snapshots } from '../../../hub/snapshots/snapshots.ts';
import { believe } from '../../../mirror/waystation/beliefs.ts';
import type { Believed } from '../../../mirror/waystation/beliefs.ts';
import { signed } from '../../../protocol/signed.ts';
import type { PublicKeys } from '../../../protocol/signed.ts';
import { contentOf } from '../../../protocol/snapshot.ts';
import type { SnapshotDocument } from '../../../protocol/snapshot.ts';
import { csrOf, day, from, ground, minute, popKeys } from '../fleet/fleet-ground.ts';
import type { Ground } from '../fleet/fleet-ground.ts';
import { cutBefore } from '../fleet/interrupted-store.ts';

const change = { by: 'alice', why: null };

function channelsOf({ store, keys, clock }: Ground): Channels {
  return new Channels({ store, keys, clock, epoch: 1 });
}

async function snapshot({ store, keys, clock }: Ground, name: string): Promise<SnapshotDocument> {
  const created = new Date(clock.now()).toISOString();
  const body = { format: 1, name, created, policy: 'full', repositories: {} } as const;
  const made = { ...body, content: contentOf(body) };
  await new Snapshots(store, keys).add(name, await signed('snapshot', made, keys.signer));
  return made;
}

/** A PoP, as far as it believes. */
interface Believer {
  readonly pop: { readonly id: string; readonly name: string; readonly labels: object };
  readonly keys: PublicKeys;
}

async function asks(fleet: HubFleet, { pop, keys }: Believer): Promise<Believed> {
  const { answer } = await fleet.assignment({ ...pop, labels: {} });
  return believe(answer, { id: pop.id, keys, epoch: 1 }, null);
}

async function hubWithPop(hub: Ground): Promise<{ fleet: HubFleet; pop: Believer; old: string }> {
  await channelsOf(hub).promote('stable', await snapshot(hub, 'week-1'), change);
  const fleet = hub.fleet();
  const request = { token: await hub.token(), csr: await csrOf(await popKeys()), name: 'lyon-1' };
  const { credentials } = await fleet.register(request, from);
  return {
    fleet,
    pop: { pop: { ...credentials.pop, labels: {} }, keys: credentials.keys },
    old: hub.keys.signer.id,
  };
}

describe('a new signing key', () => {
  test('is told of at once, and signs only after the time that PoPs have to hear of it', async () => {
    await using hub = await ground();
    const { fleet, pop, old } = await hubWithPop(hub);
    const { id } = await rotateKey(hub.store, hub.keys, hub.clock.now() + 7 * day);
    const told = await asks(fleet, pop);
    expect(told.assignment.keys.keys.map(({ kid }) => kid)).toEqual([old, id]);
    hub.clock.advance(7 * day - minute);
    expect(hub.keys.signer.id).toBe(old);
    hub.clock.advance(minute);
    expect(hub.keys.signer.id).toBe(id);
    await channelsOf(hub).promote('stable', await snapshot(hub, 'week-2'), change);
    // One that has heard of it, and one that was away all the time.
    for (const keys of [told.assignment.keys, pop.keys]) {
      const { channels } = await asks(fleet, { ...pop, keys });
      expect(channels.get('stable')).toMatchObject({ snapshot: 'week-2', sequence: 2 });
    }
  });

  test('is seen by a process that runs, and by one that starts', async () => {
    await using hub = await ground();
    const folder = new KeyFolder(join(hub.directory, 'keys'));
    const running = await SigningKeys.open(folder, hub.clock);
    await rotateKey(hub.store, hub.keys, hub.clock.now());
    expect(running.published.keys).toHaveLength(1);
    await running.look();
    const started = await SigningKeys.open(folder, hub.clock);
    for (const keys of [running, started]) {
      expect(keys.published).toEqual(hub.keys.published);
      expect(keys.signer.id).toBe(hub.keys.signer.id);
    }
    const file = await hub.store.get('public/keys.json');
    expect(JSON.parse(String(file?.bytes))).toEqual(hub.keys.published);
  });
});

describe('a signing key that is retired', () => {
  test('is believed no more, and all that it had signed is signed by the other one', async () => {
    await using hub = await ground();
    const { fleet, pop, old } = await hubWithPop(hub);
    await channelsOf(hub).promote('stable', await snapshot(hub, 'week-2'), change);
    const { id } = await rotateKey(hub.store, hub.keys, hub.clock.now());
    const told = await asks(fleet, pop);
    // Two snapshots, the channel, and what it said before.
    expect(await retireKey(hub.store, hub.keys, old)).toBe(4);
    expect(hub.keys.published.keys.map(({ kid }) => kid)).toEqual([id]);
    expect(await readdir(join(hub.directory, 'keys'))).not.toContain(`signing-${old}.key`);
    for await (const { key } of hub.store.list('public/')) {
      if (!key.endsWith('.jws') || key.startsWith('public/assignments/')) continue;
      const object = await hub.store.get(key);
      expect([key, decodeProtectedHeader(String(object?.bytes)).kid]).toEqual([key, id]);
    }
    expect(await new Snapshots(hub.store, hub.keys).need('week-1')).toMatchObject({ name: 'week-1' });
    expect(await channelsOf(hub).rollback('stable', change)).toMatchObject({ snapshot: 'week-1', sequence: 3 });
    const later = hub.fleet();
    const { assignment, channels } = await asks(later, { ...pop, keys: told.assignment.keys });
    expect(assignment.sequence).toBeGreaterThan(told.assignment.sequence);
    expect(channels.get('stable')).toMatchObject({ snapshot: 'week-1' });
    // Who has not heard of the new one registers again, or renews its certificate: both bring the keys.
    await expect(asks(later, pop)).rejects.toMatchObject({ code: 'untrusted' });
    const renewed = await later.renew({ ...pop.pop, labels: {} }, await csrOf(await popKeys()));
    expect(await asks(later, { ...pop, keys: renewed.keys })).toMatchObject({
      assignment: { sequence: assignment.sequence },
    });
  });

  test('is the one that signs, or none: then nothing happens', async () => {
    await using hub = await ground();
    const { old } = await hubWithPop(hub);
    await expect(retireKey(hub.store, hub.keys, old)).rejects.toThrow(/is the key that signs/);
    await rotateKey(hub.store, hub.keys, hub.clock.now() + day);
    await expect(retireKey(hub.store, hub.keys, old)).rejects.toThrow(/is the key that signs/);
    await expect(retireKey(hub.store, hub.keys, 'x')).rejects.toThrow(/no signing key/);
    expect(hub.keys.published.keys).toHaveLength(2);
  });

  test('can be cut off anywhere, and goes on', async () => {
    for (let n = 1; ; n += 1) {
      await using hub = await ground();
      const { old } = await hubWithPop(hub);
      await rotateKey(hub.store, hub.keys, hub.clock.now());
      const isDone = await retireKey(cutBefore(n, hub.store), hub.keys, old).then(
        () => true,
        () => false,
      );
      expect(await channelsOf(hub).find('stable')).toMatchObject({ snapshot: 'week-1' });
      expect(await new Snapshots(hub.store, hub.keys).need('week-1')).toMatchObject({ name: 'week-1' });
      if (isDone) {
        expect(n).toBe(4);
        return;
      }
      expect(hub.keys.published.keys).toHaveLength(2);
      await retireKey(hub.store, hub.keys, old);
      expect(await channelsOf(hub).find('stable')).toMatchObject({ snapshot: 'week-1' });
    }
  });
});
