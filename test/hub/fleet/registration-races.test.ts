import { describe, expect, test } from 'vitest';
import { Audit } from '../../../hub/audit/audit.ts';
import type { Actor } from '../../../hub/audit/audit.ts';
import { PopControl } from '../../../hub/fleet/pop-control.ts';
import { PopNames } from '../../../hub/fleet/pop-names.ts';
import { PopRecords } from '../../../hub/fleet/pop-records.ts';
import type { PopRecord } from '../../../hub/fleet/pop-records.ts';
import type { ObjectStore } from '../../../hub/store/object-store.ts';
import { csrOf, from, ground, minute, popKeys } from './fleet-ground.ts';
import type { Ground } from './fleet-ground.ts';
import { cutBefore, HeldStore, InterruptedStore } from './interrupted-store.ts';

const who: Actor = { kind: 'user', name: 'test', id: null, from: null };

async function registered(hub: Ground): Promise<PopRecord[]> {
  const found: PopRecord[] = [];
  for await (const record of new PopRecords(hub).list()) found.push(record);
  return found;
}

function control(store: ObjectStore, { clock }: Ground): PopControl {
  const pops = new PopRecords({ store, clock });
  const [names, audit] = [new PopNames({ store, pops, clock }), new Audit({ store, clock })];
  return new PopControl({ pops, names, audit, clock });
}

describe('registrations at the same time', () => {
  test.each([
    ['one use', 1, 8],
    ['three uses', 3, 8],
  ])('with a token of %s let in exactly as many', async (_what, uses, many) => {
    await using hub = await ground();
    const token = await hub.token({ uses });
    const tries = Array.from({ length: many }, async (_, index) =>
      hub.fleet().register({ token, csr: await csrOf(await popKeys()), name: `pop-${index}` }, from),
    );
    const done = await Promise.allSettled(tries);
    expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(uses);
    for (const each of done)
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'token_refused' });
    expect(await registered(hub)).toHaveLength(uses);
  });

  test('of a whole site take one write of the token each', async () => {
    await using hub = await ground();
    const keys: string[] = [];
    const fleet = hub.fleet(new InterruptedStore(hub.store, async (_write, key) => void keys.push(key)));
    const token = await hub.token({ uses: 20 });
    const tries = Array.from({ length: 20 }, async (_, index) =>
      fleet.register({ token, csr: await csrOf(await popKeys()), name: `pop-${index}` }, from),
    );
    await Promise.all(tries);
    expect(keys.filter((key) => key.startsWith('private/tokens/'))).toHaveLength(20);
  });

  test('for one name let in one', async () => {
    await using hub = await ground();
    const token = await hub.token({ uses: 10 });
    const tries = Array.from({ length: 6 }, async () =>
      hub.fleet().register({ token, csr: await csrOf(await popKeys()), name: 'lyon-1' }, from),
    );
    const done = await Promise.allSettled(tries);
    expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of done)
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'pop_name_taken' });
  });

  test('of one PoP are one PoP', async () => {
    await using hub = await ground();
    const [token, csr] = [await hub.token(), await csrOf(await popKeys())];
    const tries = Array.from({ length: 4 }, () => hub.fleet().register({ token, csr, name: 'lyon-1' }, from));
    const ids = (await Promise.all(tries)).map(({ credentials }) => credentials.pop.id);
    expect(new Set(ids).size).toBe(1);
    expect(await registered(hub)).toHaveLength(1);
  });
});

describe('a registration that is cut off before any write', () => {
  test('goes on when the PoP asks again', async () => {
    for (let n = 1; ; n += 1) {
      await using hub = await ground();
      const request = { token: await hub.token(), csr: await csrOf(await popKeys()), name: 'lyon-1' };
      const cut = cutBefore(n, hub.store);
      const isDone = await hub
        .fleet(cut)
        .register(request, from)
        .then(
          () => true,
          () => false,
        );
      const { credentials } = await hub.fleet().register(request, from);
      expect(credentials.pop.name).toBe('lyon-1');
      expect(await registered(hub)).toHaveLength(1);
      if (isDone) {
        expect(n).toBe(5);
        return;
      }
    }
  });

  test('leaves name and token to another PoP after a while, unless it was done', async () => {
    for (let n = 1; ; n += 1) {
      await using hub = await ground();
      const token = await hub.token();
      const first = { token, csr: await csrOf(await popKeys()), name: 'lyon-1' };
      const second = { ...first, csr: await csrOf(await popKeys()) };
      const cut = cutBefore(n, hub.store);
      await hub
        .fleet(cut)
        .register(first, from)
        .catch(() => {});
      const isDone = (await registered(hub)).length === 1;
      hub.clock.advance(minute);
      const other = hub.fleet().register(second, from);
      if (isDone) {
        await expect(other).rejects.toMatchObject({ code: 'pop_name_taken' });
        expect(n).toBe(4);
        return;
      }
      expect(await other).toMatchObject({ isNew: true });
      // The first one comes too late, and may come with a new token and another name.
      await expect(hub.fleet().register(first, from)).rejects.toMatchObject({ code: 'pop_name_taken' });
      await expect(hub.fleet().register({ ...first, name: 'b' }, from)).rejects.toMatchObject({
        code: 'token_refused',
      });
      const late = { ...first, token: await hub.token(), name: 'lyon-2' };
      expect(await hub.fleet().register(late, from)).toMatchObject({ isNew: true });
    }
  });
});

describe('who is slow', () => {
  test('does not register beside the one that has overtaken it', async () => {
    for (let n = 1; n <= 3; n += 1) {
      await using hub = await ground();
      const token = await hub.token();
      const slow = new HeldStore(n, hub.store);
      const first = hub.fleet(slow).register({ token, csr: await csrOf(await popKeys()), name: 'lyon-1' }, from);
      const ended = first.catch((error: unknown) => error);
      await slow.held;
      hub.clock.advance(minute);
      const second = { token, csr: await csrOf(await popKeys()), name: 'lyon-1' };
      expect(await hub.fleet().register(second, from)).toMatchObject({ isNew: true });
      slow.go();
      expect(await ended).toMatchObject({ code: expect.stringMatching(/^(token_refused|pop_name_taken)$/) });
      expect(await registered(hub)).toHaveLength(1);
    }
  });

  test('does not get a name that was given away while it was renaming', async () => {
    const endings: string[] = [];
    for (let n = 1; n <= 2; n += 1) {
      await using hub = await ground();
      const token = await hub.token({ uses: 2 });
      await hub.fleet().register({ token, csr: await csrOf(await popKeys()), name: 'lyon-1' }, from);
      const slow = new HeldStore(n, hub.store);
      const renaming = control(slow, hub)
        .rename('lyon-1', 'lyon-2', who)
        .then(
          () => 'renamed',
          (error: unknown) => String(error),
        );
      await slow.held;
      const second = { token, csr: await csrOf(await popKeys()), name: 'lyon-2' };
      expect(await hub.fleet().register(second, from)).toMatchObject({ isNew: true });
      slow.go();
      endings.push(await renaming);
      expect((await registered(hub)).map(({ name }) => name).toSorted()).toEqual(['lyon-1', 'lyon-2']);
    }
    expect(endings.filter((ending) => ending.includes('another PoP is called lyon-2'))).toHaveLength(2);
  });

  test('does not take a name whose last holder has just taken it back', async () => {
    await using hub = await ground();
    const token = await hub.token({ uses: 2 });
    await hub.fleet().register({ token, csr: await csrOf(await popKeys()), name: 'lyon-1' }, from);
    await control(hub.store, hub).rename('lyon-1', 'lyon-2', who);
    // It has seen that the name is free, made sure of it, and is about to take it.
    const slow = new HeldStore(3, hub.store);
    const second = { token, csr: await csrOf(await popKeys()), name: 'lyon-1' };
    const ended = hub
      .fleet(slow)
      .register(second, from)
      .catch((error: unknown) => error);
    await slow.held;
    await control(hub.store, hub).rename('lyon-2', 'lyon-1', who);
    slow.go();
    expect(await ended).toMatchObject({ code: 'pop_name_taken' });
    expect((await registered(hub)).map(({ name }) => name)).toEqual(['lyon-1']);
  });
});

describe('a name', () => {
  test('is free again when its PoP is revoked or renamed', async () => {
    await using hub = await ground();
    const fleet = hub.fleet();
    const register = async (name: string): Promise<string> => {
      const request = { token: await hub.token(), csr: await csrOf(await popKeys()), name };
      return (await fleet.register(request, from)).credentials.pop.id;
    };
    const first = await register('lyon-1');
    await control(hub.store, hub).rename('lyon-1', 'lyon-2', who);
    const second = await register('lyon-1');
    await expect(control(hub.store, hub).rename('lyon-2', 'lyon-1', who)).rejects.toMatchObject({
      code: 'pop_name_taken',
    });
    await control(hub.store, hub).revoke('lyon-1', null, who);
    await control(hub.store, hub).rename('lyon-2', 'lyon-1', who);
    expect((await control(hub.store, hub).find('lyon-1')).id).toBe(first);
    expect((await control(hub.store, hub).find(second)).revoked).not.toBeNull();
    await expect(control(hub.store, hub).rename(second, 'x', who)).rejects.toMatchObject({ code: 'bad_request' });
  });
});

describe('a PoP that was revoked', () => {
  test('is refused within a second, stays so with its old token, and comes back with a new one', async () => {
    await using hub = await ground();
    const fleet = hub.fleet();
    const request = { token: await hub.token(), csr: await csrOf(await popKeys()), name: 'lyon-1' };
    const { credentials } = await fleet.register(request, from);
    const shown = Buffer.from(credentials.certificate.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    const pop = await fleet.identify(shown, { renewing: false });
    await control(hub.store, hub).revoke('lyon-1', 'sold', who);
    hub.clock.advance(1_000);
    for (const renewing of [false, true])
      await expect(fleet.identify(shown, { renewing })).rejects.toThrow(/lyon-1 was revoked/);
    await expect(fleet.renew(pop, request.csr)).rejects.toMatchObject({ code: 'certificate_refused' });
    await expect(fleet.assignment(pop)).rejects.toMatchObject({ code: 'certificate_refused' });
    await expect(fleet.register(request, from)).rejects.toThrow(/only a new token lets it in again/);
    const again = await fleet.register({ ...request, token: await hub.token() }, from);
    expect(again).toMatchObject({ isNew: true, credentials: { pop: { name: 'lyon-1' } } });
    expect(again.credentials.pop.id).not.toBe(pop.id);
  });
});
