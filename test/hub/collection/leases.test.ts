import { expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { storeLock } from '../../../cli/hub/store-lock.ts';
import { systemDisk } from '../../../disk/disk.ts';
import { Leases } from '../../../hub/collection/leases.ts';
import { DirectoryStore } from '../../../hub/store/directory-store.ts';
import { InterceptedStore } from '../../support/intercepted-store.ts';
import { StandingClock } from '../../support/standing-clock.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const never = new AbortController().signal;

async function opened(root: string): Promise<DirectoryStore> {
  return new DirectoryStore({ root, disk: systemDisk, clock: systemClock, lock: await storeLock(root, systemClock) });
}

test('snapshots are made beside each other, and never beside a collection', async () => {
  await using directory = await temporaryDirectory();
  const leases = new Leases({ store: await opened(directory.path), clock: systemClock });
  const [one, other] = [await leases.create('one', never), await leases.create('other', never)];
  await expect(leases.collect()).rejects.toMatchObject({ code: 'store_busy' });
  await one.end();
  await expect(leases.collect()).rejects.toThrow(/other/);
  await other.end();
  const collecting = await leases.collect();
  await expect(leases.collect()).rejects.toMatchObject({ code: 'store_busy' });
  const waiting = leases.create('third', never);
  await expect.poll(async () => (await collecting.others()).map(({ what }) => what)).toEqual(['third']);
  await collecting.end();
  const third = await waiting;
  expect(await third.others()).toEqual([]);
  await third.end();

  const again = await leases.collect();
  const leaving = new AbortController();
  const left = leases.create('left', leaving.signal);
  await expect.poll(async () => (await again.others()).length).toBe(1);
  leaving.abort(new Error('interrupted'));
  await expect(left).rejects.toThrow('interrupted');
  expect(await again.others()).toEqual([]);
  await again.end();
});

test('what a kill left counts for a while by the clock of the store, and is removed then', async () => {
  await using directory = await temporaryDirectory();
  const store = await opened(directory.path);
  const killed = await new Leases({ store, clock: new StandingClock() }).create('the killed one', never);
  let age = 100_000;
  const later = new InterceptedStore(
    store,
    async () => {},
    (entry) => (entry.key.includes('/create-') ? { ...entry, written: entry.written - age } : entry),
  );
  const leases = new Leases({ store: later, clock: systemClock });
  await expect(leases.collect()).rejects.toThrow(/the killed one/);
  age = 125_000;
  await (await leases.collect()).end();
  const left: string[] = [];
  for await (const { key } of store.list('private/leases/')) left.push(key);
  expect(left).toEqual([]);
  await killed.end();
});

test('who stood still for too long does not trust its lease, also when it is written again', async () => {
  await using directory = await temporaryDirectory();
  const clock = new StandingClock();
  const lease = await new Leases({ store: await opened(directory.path), clock }).create('slow', never);
  clock.advance(59_000);
  lease.check();
  clock.advance(2_000);
  expect(() => lease.check()).toThrow(/stood still/);
  await clock.step(16_000);
  expect(() => lease.check()).toThrow(/stood still/);
  await lease.end();
});
