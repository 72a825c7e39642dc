import { describe, expect, test } from 'vitest';
import type { FleetStanding } from '../../../hub/fleet/standing.ts';
import { standingOf, worstFirst } from '../../../hub/fleet/standing.ts';
import type { KeptHeartbeat } from '../../../hub/fleet/heartbeats.ts';
import type { PopRecord } from '../../../hub/fleet/pop-records.ts';

const now = Date.parse('2026-11-30T12:00:00Z');
const ago = (seconds: number): string => new Date(now - seconds * 1_000).toISOString();

const record: PopRecord = {
  format: 1,
  id: '00000000-0000-8000-8000-000000000000',
  revision: 1,
  name: 'lyon-1',
  labels: {},
  key: 'a'.repeat(64),
  token: 'b'.repeat(16),
  registered: ago(1_000_000),
  from: '192.0.2.7',
  certificateEnds: ago(-1_000_000),
  revoked: null,
};

interface Said {
  readonly seen?: number;
  readonly snapshot?: string | null;
  readonly complete?: boolean;
  readonly errors?: number;
  readonly behindFor?: number;
}

function heard({ seen = 1, snapshot = 'week-2', complete = true, errors = 0, behindFor }: Said): KeptHeartbeat {
  return {
    format: 1,
    received: ago(seen),
    behind: behindFor === undefined ? {} : { stable: ago(behindFor) },
    document: {
      format: 1,
      version: '0.1.0',
      at: ago(99_999),
      started: ago(100_000),
      channels: [
        {
          channel: 'stable',
          subscription: 'site',
          snapshot,
          generation: null,
          published: null,
          complete,
          packages: { listed: 1, held: 1 },
          bytes: { listed: 1, held: 1 },
          errors: [],
          errorCount: errors,
        },
      ],
      traffic: { requests: 10, hits: 9, bytes: 1_000, upstreamBytes: 100 },
      cache: { state: 'ok', bytes: 1, max: 2, free: 1 },
    },
  };
}

function judged(said: Said | null, changes: Partial<PopRecord> = {}): FleetStanding {
  const pointed = new Map([['stable', 'week-2']]);
  const last = said === null ? null : heard(said);
  return standingOf({ record: { ...record, ...changes }, heard: last, heartbeat: 30, pointed }, now);
}

describe('a PoP', () => {
  test.each<[string, Said]>([
    ['current', {}],
    ['current', { complete: false }],
    ['current', { errors: 2 }],
    ['current', { seen: 90 }],
    ['offline', { seen: 91 }],
    ['offline', { seen: 91, errors: 1, complete: false }],
    ['late', { snapshot: 'week-1' }],
    ['late', { snapshot: null, behindFor: 10_000 }],
    ['late', { snapshot: 'week-1', errors: 1, behindFor: 3_600 }],
    ['stuck', { snapshot: 'week-1', errors: 1, behindFor: 3_601 }],
    ['stuck', { errors: 1, complete: false }],
  ])('is %s when it says %o', (state, said) => {
    expect(judged(said).state).toBe(state);
  });

  test('that has never been heard of has registered; one that was revoked stays so', () => {
    expect(judged(null)).toMatchObject({ state: 'registered', lastSeen: null, version: null, hitRatio: null });
    expect(judged({ seen: 91 }, { revoked: { at: ago(5), by: 'x', why: null } }).state).toBe('revoked');
  });

  test('has the figures of its last heartbeat', () => {
    expect(judged({ snapshot: 'week-1', errors: 3 })).toMatchObject({
      lastSeen: ago(1),
      version: '0.1.0',
      channels: [{ channel: 'stable', snapshot: 'week-1', complete: true, errors: 3, behind: true }],
      errors: 3,
      hitRatio: 0.9,
      bytes: 1_000,
    });
  });

  test('that is worse off comes first, then by name', () => {
    const all = [
      judged({}, { name: 'b' }),
      judged(null, { name: 'c' }),
      judged({ snapshot: 'week-1' }, { name: 'd' }),
      judged({ errors: 1, complete: false }, { name: 'e' }),
      judged({ seen: 1_000 }, { name: 'f' }),
      judged({}, { name: 'a' }),
    ];
    expect(worstFirst(all).map(({ name }) => name)).toEqual(['f', 'e', 'd', 'c', 'a', 'b']);
  });
});
