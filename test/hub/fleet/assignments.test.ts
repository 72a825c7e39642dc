import { describe, expect, test } from 'vitest';
import { Channels } from '../../../hub/channels/channels.ts';
import { setRules } from '../../../hub/fleet/assignment-rules.ts';
import type { AssignmentRule } from '../../../hub/fleet/assignment-rules.ts';
import type { HubFleet } from '../../../hub/fleet/hub-fleet.ts';
import { assignmentDocument } from '../../../protocol/assignment.ts';
import type { AssignmentDocument } from '../../../protocol/assignment.ts';
import { verified } from '../../../protocol/signed.ts';
import type { SnapshotDocument } from '../../../protocol/snapshot.ts';
import { csrOf, day, from, ground, minute, popKeys } from './fleet-ground.ts';
import type { Ground } from './fleet-ground.ts';

const content = `sha256:${'a'.repeat(64)}` as const;
const denied = `sha256:${'b'.repeat(64)}` as const;

function channelsOf({ store, keys, clock }: Ground): Channels {
  return new Channels({ store, keys, clock, epoch: 1 });
}

async function promote(hub: Ground, channel: string, name: string): Promise<void> {
  await channelsOf(hub).promote(channel, { name, content } as SnapshotDocument, { by: 'test', why: null });
}

async function pop(hub: Ground, fleet: HubFleet, name: string, labels = {}): ReturnType<HubFleet['identify']> {
  const token = await hub.token({ labels });
  const { credentials } = await fleet.register({ token, csr: await csrOf(await popKeys()), name }, from);
  return { ...credentials.pop, labels };
}

function rule(own: Partial<AssignmentRule>): AssignmentRule {
  return { select: {}, channels: [], policy: null, deny: [], heartbeat: null, ...own };
}

async function read(hub: Ground, text: string): Promise<AssignmentDocument> {
  return verified(text, { kind: 'assignment', keys: hub.keys.published, schema: assignmentDocument });
}

/** Until it has looked at the store again. */
async function looked(hub: Ground, fleet: HubFleet, change: () => Promise<unknown>): Promise<void> {
  const told = new Promise<void>((resolve) => {
    const end = fleet.onChange(() => {
      end();
      resolve();
    });
  });
  await hub.clock.sleeping(1, 1_000);
  await change();
  hub.clock.advance(500);
  await told;
}

describe('an assignment', () => {
  test('lets every PoP follow every channel while there are no rules', async () => {
    await using hub = await ground();
    await promote(hub, 'stable', 'week-1');
    const fleet = hub.fleet();
    const lyon = await pop(hub, fleet, 'lyon-1');
    const { answer } = await fleet.assignment(lyon);
    expect(await read(hub, answer.assignment)).toMatchObject({
      audience: lyon.id,
      epoch: 1,
      sequence: 1,
      channels: ['stable'],
      policy: null,
      heartbeat: 30,
      keys: hub.keys.published,
    });
    expect(Object.keys(answer.channels)).toEqual(['stable']);
  });

  test('is what all rules that match the labels of the PoP say, in order', async () => {
    await using hub = await ground();
    await promote(hub, 'stable', 'week-1');
    const fleet = hub.fleet();
    const [lyon, oslo] = [await pop(hub, fleet, 'lyon-1', { site: 'lyon' }), await pop(hub, fleet, 'oslo-1')];
    await setRules(
      hub.store,
      [
        rule({ channels: ['stable'], heartbeat: 60 }),
        rule({ select: { site: 'lyon' }, channels: ['beta', 'stable'], policy: 'full', deny: [denied] }),
        rule({ select: { site: 'rome' }, policy: 'newest:1' }),
      ],
      { by: 'test', clock: hub.clock },
    );
    const wanted = await read(hub, (await fleet.assignment(lyon)).answer.assignment);
    expect(wanted).toMatchObject({ channels: ['stable', 'beta'], policy: 'full', deny: [denied], heartbeat: 60 });
    // `beta` does not exist yet.
    expect(Object.keys((await fleet.assignment(lyon)).answer.channels)).toEqual(['stable']);
    const other = await read(hub, (await fleet.assignment(oslo)).answer.assignment);
    expect(other).toMatchObject({ channels: ['stable'], policy: null, deny: [] });
  });

  test('is signed again only when it changes, and before half of its life is over; numbers grow over restarts', async () => {
    await using hub = await ground();
    const fleet = hub.fleet();
    const lyon = await pop(hub, fleet, 'lyon-1');
    const first = await fleet.assignment(lyon);
    expect(await fleet.assignment(lyon)).toBe(first);
    expect(await hub.fleet().assignment(lyon)).toEqual(first);
    hub.clock.advance(15 * day - minute);
    expect((await fleet.assignment(lyon)).version).toBe(first.version);
    hub.clock.advance(2 * minute);
    const [renewed, elsewhere] = [await fleet.assignment(lyon), await hub.fleet().assignment(lyon)];
    expect(renewed.version).not.toBe(first.version);
    expect(elsewhere).toEqual(renewed);
    expect((await read(hub, renewed.answer.assignment)).sequence).toBe(2);
  });

  test('wakes who waits when a channel is promoted, rules are set or labels are changed elsewhere', async () => {
    await using hub = await ground();
    const fleet = hub.fleet();
    const lyon = await pop(hub, fleet, 'lyon-1');
    const before = await fleet.assignment(lyon);
    fleet.start();
    await looked(hub, fleet, () => promote(hub, 'stable', 'week-1'));
    const promoted = await fleet.assignment(lyon);
    expect(promoted.answer.channels).toHaveProperty('stable');
    await looked(hub, fleet, () => promote(hub, 'stable', 'week-2'));
    const again = await fleet.assignment(lyon);
    expect(again.answer.assignment).toBe(promoted.answer.assignment);
    expect(again.answer.channels['stable']).not.toBe(promoted.answer.channels['stable']);
    await looked(hub, fleet, () => setRules(hub.store, [], { by: 'test', clock: hub.clock }));
    const ruled = await fleet.assignment(lyon);
    expect(ruled.answer.channels).toEqual({});
    expect(new Set([before, promoted, again, ruled].map(({ version }) => version)).size).toBe(4);
    await fleet.close();
  });

  test('of a channel that is damaged leaves that out, and nothing else', async () => {
    await using hub = await ground();
    await promote(hub, 'stable', 'week-1');
    await promote(hub, 'beta', 'week-1');
    await hub.store.put('public/channels/beta.jws', Buffer.from('x.y.z'));
    const fleet = hub.fleet();
    const { answer } = await fleet.assignment(await pop(hub, fleet, 'lyon-1'));
    expect(Object.keys(answer.channels)).toEqual(['stable']);
  });
});
