import type { RunStatus, Status, SubscriptionStatus } from '../../base/status.ts';

/** Documents as the contract has them, for tests of what reads them. */

const at = '2026-11-23T10:15:00Z';

export function subscriptionDocument(changes: Partial<SubscriptionStatus> = {}): SubscriptionStatus {
  return {
    name: 'corp',
    state: 'connected',
    policy: 'on-demand',
    flip: 'each',
    generation: '20261123T101500Z-1a2b3c4d',
    published: at,
    rolledBack: null,
    checked: at,
    hub: { type: 'yum', url: 'https://pulp.example.com/', state: 'connected', lastContact: at, error: null },
    sync: {
      id: null,
      state: 'idle',
      kind: 'on-demand',
      phase: null,
      percent: null,
      secondsLeft: null,
      paused: null,
      failed: 0,
      lastSuccess: at,
      error: null,
    },
    repositories: [
      {
        path: 'edge/base',
        policy: 'on-demand',
        content: 'rpm',
        state: 'current',
        reason: null,
        since: at,
        repomd: `sha256:${'ab'.repeat(32)}`,
        packages: { listed: 7, held: 3, unservable: 0 },
        bytes: { listed: 5_100_000, held: 12_000 },
        tree: null,
      },
    ],
    ...changes,
  };
}

export function statusDocumentOf(subscriptions: readonly SubscriptionStatus[]): Status {
  return {
    version: '0.1.0',
    state: subscriptions.some(({ state }) => state === 'disconnected') ? 'disconnected' : 'connected',
    subscriptions,
    cache: {
      state: 'ok',
      reason: null,
      bytes: 12_000,
      max: 214_748_364_800,
      free: 107_374_182_400,
      blobs: 9,
      pinnedBytes: 4_000,
      evictableBytes: 8_000,
      reservedBytes: 0,
      next: { digest: `sha256:${'cd'.repeat(32)}`, bytes: 1_500, since: at },
      scrub: {
        state: 'running',
        passBegan: at,
        files: 3,
        bytes: { done: 3_000, total: 12_000 },
        lastPass: null,
        damaged: 0,
        missing: 0,
      },
    },
    transfers: {
      limit: { rate: 20_971_520, until: at },
      throttled: true,
      paused: null,
      slots: {
        perHub: 8,
        total: 16,
        busy: { client: 2, metadata: 1, background: 7 },
        waiting: { client: 0, metadata: 0, background: 3 },
      },
    },
  };
}

export function runDocument(changes: Partial<RunStatus> = {}): RunStatus {
  return {
    id: 'run-1',
    subscription: 'corp',
    kind: 'on-demand',
    state: 'running',
    started: at,
    finished: null,
    phases: [{ name: 'metadata', done: 1, total: 4, bytes: 1_000, totalBytes: 4_000 }],
    rate: 1_000,
    secondsLeft: 3,
    failures: [],
    ...changes,
    reason: changes.reason ?? null,
    failureCount: changes.failureCount ?? changes.failures?.length ?? 0,
    healedCount: changes.healedCount ?? 0,
  };
}
