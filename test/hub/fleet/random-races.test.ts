import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Audit } from '../../../hub/audit/audit.ts';
import { PopControl } from '../../../hub/fleet/pop-control.ts';
import { PopNames } from '../../../hub/fleet/pop-names.ts';
import { PopRecords } from '../../../hub/fleet/pop-records.ts';
import type { PopRecord } from '../../../hub/fleet/pop-records.ts';
import type { ObjectStore } from '../../../hub/store/object-store.ts';
import { parseToken } from '../../../protocol/token.ts';
import { Seeded } from '../../simulation/seeded.ts';
import { csrOf, from, ground, minute, popKeys } from './fleet-ground.ts';
import type { Ground } from './fleet-ground.ts';
import { InterruptedStore } from './interrupted-store.ts';

const rounds = 30;
const names = ['a', 'b', 'c', 'd', 'e'] as const;
const who = { kind: 'user', name: 'test', id: null, from: null } as const;

/** Cut off now and then, and slow: so slow at times that others give it up. */
function unlucky(hub: Ground, random: Seeded): ObjectStore {
  let isCut = false;
  return new InterruptedStore(hub.store, async () => {
    isCut ||= random.chance(1 / 8);
    if (isCut) throw new Error('cut off');
    for (let ticks = random.whole(0, 39); ticks > 0; ticks -= 1) await setImmediate();
    if (random.chance(1 / 6)) hub.clock.advance(minute);
  });
}

function controlOf(store: ObjectStore, { clock }: Ground): PopControl {
  const pops = new PopRecords({ store, clock });
  return new PopControl({
    pops,
    names: new PopNames({ store, pops, clock }),
    audit: new Audit({ store, clock }),
    clock,
  });
}

async function registered(hub: Ground): Promise<PopRecord[]> {
  const found: PopRecord[] = [];
  for await (const record of new PopRecords(hub).list()) found.push(record);
  return found;
}

test('no order of registrations, renamings and revocations gives a name or a use twice', async () => {
  const csrs = await Promise.all(Array.from({ length: 9 }, async () => csrOf(await popKeys())));
  let done = 0;
  for (let seed = 1; seed <= rounds; seed += 1) {
    await using hub = await ground();
    const random = new Seeded(seed);
    const [uses, token] = [2, await hub.token({ uses: 2 })];
    const other = await hub.token({ uses: 1 });
    const known: string[] = [];
    for (const [index, name] of names.slice(0, 3).entries()) {
      const request = { token: await hub.token(), csr: csrs[csrs.length - 1 - index] ?? '', name };
      known.push((await hub.fleet().register(request, from)).credentials.pop.id);
    }
    const registrations = csrs.slice(0, 6).map(async (csr, index) => {
      const shown = index % 3 === 0 ? other : token;
      // Asks again as a PoP would, of a process that may be another.
      for (let tries = 0; tries < 3; tries += 1) {
        const name = random.one(names);
        await hub
          .fleet(unlucky(hub, random))
          .register({ token: shown, csr, name }, from)
          .then(
            () => (done += 1),
            () => {},
          );
      }
    });
    const changes = Array.from({ length: 8 }, async () => {
      for (let tries = 0; tries < 3; tries += 1) {
        const control = controlOf(unlucky(hub, random), hub);
        const id = known[random.whole(0, known.length - 1)] ?? '';
        const change = random.chance(1 / 12)
          ? control.revoke(id, null, who)
          : control.rename(id, random.one(names), who);
        await change.catch(() => {});
      }
    });
    await Promise.all([...registrations, ...changes]);
    const records = await registered(hub);
    const live = records.filter(({ revoked }) => revoked === null).map(({ name }) => name);
    expect(live.toSorted(), `names, seed ${seed}`).toEqual([...new Set(live)].toSorted());
    for (const [text, most] of [
      [token, uses],
      [other, 1],
    ] as const) {
      const used = records.filter((record) => record.token === parseToken(text).id);
      expect(used.length, `uses, seed ${seed}`).toBeLessThanOrEqual(most);
    }
    // Nothing is lost for good: what is not held is free for the next one.
    hub.clock.advance(minute);
    for (const name of names.filter((each) => !live.includes(each))) {
      const request = { token: await hub.token(), csr: await csrOf(await popKeys()), name };
      expect(await hub.fleet().register(request, from), `${name}, seed ${seed}`).toMatchObject({ isNew: true });
    }
  }
  // The world is not so bad that nobody ever gets through.
  expect(done).toBeGreaterThan(rounds);
});
