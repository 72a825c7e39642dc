import { describe, expect, test } from 'vitest';
import { Heartbeats } from '../../../hub/fleet/heartbeats.ts';
import type { Heartbeat } from '../../../protocol/heartbeat.ts';
import { ground, minute } from './fleet-ground.ts';
import { InterruptedStore } from './interrupted-store.ts';

const pop = '00000000-0000-8000-8000-000000000000';
const pointed = new Map([['stable', 'week-2']]);

function said(snapshot: string): Heartbeat {
  const instant = '2026-11-30T12:00:00Z';
  const none = { listed: 0, held: 0 };
  return {
    format: 1,
    version: '0.1.0',
    at: instant,
    started: instant,
    channels: [
      {
        channel: 'stable',
        subscription: 'site',
        snapshot,
        generation: null,
        published: null,
        complete: true,
        packages: none,
        bytes: none,
        errors: [],
        errorCount: 0,
      },
    ],
    traffic: { requests: 0, hits: 0, bytes: 0, upstreamBytes: 0 },
    cache: { state: 'ok', bytes: 0, max: 0, free: 0 },
  };
}

describe('heartbeats', () => {
  test('are known at once, and written every few seconds at most', async () => {
    await using hub = await ground();
    const store = new InterruptedStore(hub.store, async () => {});
    const [own, other] = [new Heartbeats({ store, clock: hub.clock }), new Heartbeats(hub)];
    for (const snapshot of ['week-1', 'week-2', 'week-3']) await own.keep(pop, said(snapshot), pointed);
    expect((await own.last(pop))?.document.channels[0]?.snapshot).toBe('week-3');
    expect((await other.last(pop))?.document.channels[0]?.snapshot).toBe('week-1');
    await own.flush();
    expect(store.writes).toBe(1);
    hub.clock.advance(5_000);
    await own.flush();
    await own.flush();
    expect(store.writes).toBe(2);
    expect((await other.last(pop))?.document.channels[0]?.snapshot).toBe('week-3');
    await own.keep(pop, said('week-4'), pointed);
    await own.flush(true);
    expect((await other.last(pop))?.document.channels[0]?.snapshot).toBe('week-4');
  });

  test('remember since when a PoP has been behind, over restarts', async () => {
    await using hub = await ground();
    const since = new Date(hub.clock.now()).toISOString();
    await new Heartbeats(hub).keep(pop, said('week-1'), pointed);
    hub.clock.advance(minute);
    const later = new Heartbeats(hub);
    await later.keep(pop, said('week-0'), pointed);
    expect((await later.last(pop))?.behind).toEqual({ stable: since });
    await later.keep(pop, said('week-2'), pointed);
    expect((await later.last(pop))?.behind).toEqual({});
  });

  test('that could not be written are written later', async () => {
    await using hub = await ground();
    const store = new InterruptedStore(hub.store, async (write) => {
      if (write === 1) throw new Error('EIO');
    });
    const own = new Heartbeats({ store, clock: hub.clock });
    await expect(own.keep(pop, said('week-1'), pointed)).rejects.toThrow('EIO');
    expect((await own.last(pop))?.document.channels[0]?.snapshot).toBe('week-1');
    hub.clock.advance(5_000);
    await own.flush();
    expect((await new Heartbeats(hub).last(pop))?.document.channels[0]?.snapshot).toBe('week-1');
  });
});
