import { expect, test } from 'vitest';
import type { Status, SubscriptionStatus } from '../../base/status.ts';
import { heartbeatOf } from '../../cli/heartbeat-document.ts';
import type { HeartbeatBasis } from '../../cli/heartbeat-document.ts';
import { heartbeat } from '../../protocol/heartbeat.ts';

const now = Date.parse('2026-11-30T12:00:00Z');

function basis(changes: Partial<SubscriptionStatus> = {}, isServed = true): HeartbeatBasis {
  const repository = {
    content: 'rpm',
    policy: 'full',
    reason: null,
    since: '2026-11-30T11:00:00.000Z',
    repomd: null,
    packages: { listed: 10, held: 10, unservable: 0 },
    bytes: { listed: 1_000, held: 1_000 },
    tree: null,
  } as const;
  const following = {
    id: 'me',
    name: 'lyon-1',
    channel: 'prod',
    snapshot: 'two',
    certificateEnds: null,
    expires: null,
    problem: null,
  };
  const site: SubscriptionStatus = {
    name: 'site',
    state: 'connected',
    policy: 'full',
    flip: 'together',
    generation: '20261130T110000Z-00000000',
    published: '2026-11-30T11:00:00.000Z',
    snapshot: 'one',
    rolledBack: null,
    checked: null,
    hub: { type: 'waystation', url: 'https://hub/', state: 'connected', lastContact: null, error: null, following },
    sync: {
      id: null,
      state: 'idle',
      kind: 'full',
      phase: null,
      percent: null,
      secondsLeft: null,
      paused: null,
      failed: 0,
      lastSuccess: '2026-11-30T11:00:00.000Z',
      error: null,
    },
    repositories: [
      { ...repository, path: 'a', state: 'current' },
      { ...repository, path: 'b', state: 'current', packages: { listed: 5, held: 4, unservable: 1 } },
    ],
    ...changes,
  };
  const cache = { state: 'ok', bytes: 5, max: 10.7, free: 20 } as Status['cache'];
  const status = { version: '0.1.0', state: 'connected', subscriptions: [site], cache } as unknown as Status;
  const hub = { isServed: () => isServed } as unknown as HeartbeatBasis['followed'][number]['hub'];
  return {
    status,
    followed: [{ subscription: 'site', channel: 'prod', hub }],
    rootOf: () => null,
    traffic: { requests: 4, hits: 3, bytes: 2, upstreamBytes: 1 },
    now,
    started: now - 1_000,
  };
}

test('says where a PoP is, with sums over its repositories, in the words of the protocol', () => {
  const told = heartbeatOf(basis());
  expect(heartbeat.parse(told)).toEqual(told);
  expect(told).toMatchObject({
    at: '2026-11-30T12:00:00.000Z',
    traffic: { requests: 4, hits: 3 },
    cache: { state: 'ok', max: 10 },
    channels: [
      {
        channel: 'prod',
        // What is served has the content of the snapshot that is pointed to, whatever it was called when it came.
        snapshot: 'two',
        complete: true,
        packages: { listed: 15, held: 14 },
        bytes: { listed: 2_000, held: 2_000 },
        errorCount: 0,
      },
    ],
  });
});

test('says which snapshot is served while the channel is further', () => {
  expect(heartbeatOf(basis({}, false)).channels[0]).toMatchObject({ snapshot: 'one', complete: false });
});

test('is not complete while something is under way, or was never brought to its end', () => {
  const { sync } = basis().status.subscriptions[0] ?? {};
  if (sync === undefined) throw new Error('nothing is subscribed');
  expect(heartbeatOf(basis({ sync: { ...sync, state: 'running' } })).channels[0]?.complete).toBe(false);
  expect(heartbeatOf(basis({ sync: { ...sync, lastSuccess: null } })).channels[0]?.complete).toBe(false);
});

test('names what is wrong, bounded, by its code', () => {
  const [repository] = basis().status.subscriptions[0]?.repositories ?? [];
  if (repository === undefined) throw new Error('there is no repository');
  const repositories = Array.from({ length: 30 }, (_, index) => ({
    ...repository,
    path: `r${index}`,
    state: 'behind' as const,
    reason: index === 0 ? `upstream_lied: ${'x'.repeat(5_000)}` : 'flips together with r0',
  }));
  const error = { code: 'replayed', message: 'old', at: '2026-11-30T11:00:00.000Z' } as const;
  const { hub } = basis().status.subscriptions[0] ?? {};
  if (hub === undefined) throw new Error('nothing is subscribed');
  const told = heartbeatOf(basis({ repositories, hub: { ...hub, error } }));
  expect(heartbeat.parse(told)).toEqual(told);
  const [channel] = told.channels;
  expect([channel?.errorCount, channel?.errors.length, channel?.complete]).toEqual([31, 20, false]);
  expect(channel?.errors.slice(0, 3).map(({ code, path }) => [code, path])).toEqual([
    ['replayed', null],
    ['upstream_lied', 'r0'],
    ['behind', 'r1'],
  ]);
});
