import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { digestOf } from '../../../base/digest.ts';
import { WaystationError } from '../../../base/errors.ts';
import { PopRecords } from '../../../hub/fleet/pop-records.ts';
import { keysOf } from '../../../hub/store/layout.ts';
import type { HubSession } from '../../../mirror/waystation/hub-session.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { LiveHub } from '../../support/live-hub.ts';
import { RegisteredPop } from './registered-pop.ts';

const signal = AbortSignal.timeout(120_000);

/** A hub whose channel `prod` points to `one`; there is also `two`. */
async function hubWithTwo(options: { certificateLife?: number } = {}): Promise<LiveHub> {
  await using origin = await FaultyOrigin.start();
  const hub = await LiveHub.start(options);
  for (const [name, text] of [
    ['one', 'a'],
    ['two', 'b'],
  ] as const) {
    putRepository(origin, 'base', { packages: { 'a-1-1.noarch.rpm': text } });
    await hub.snapshot(name, [{ type: 'yum', path: 'base', url: `${origin.url}base/` }]);
  }
  await hub.promote('prod', 'one');
  return hub;
}

async function revoke(hub: LiveHub, id: string): Promise<void> {
  const pops = new PopRecords({ store: hub.store, clock: systemClock });
  const found = await pops.find(id);
  if (found === null) throw new Error(`${id} is not known`);
  const revoked = { at: new Date().toISOString(), by: 'test', why: null };
  await pops.replace({ ...found.value, revoked } as Parameters<typeof pops.replace>[0], found.version);
}

const until = async (session: HubSession, condition: () => boolean): Promise<void> => {
  while (!condition()) {
    await new Promise<void>((resolve) => {
      const end = session.onNews(() => {
        end();
        resolve();
      });
    });
  }
};

describe('the contact with a hub', () => {
  test('hears of a promotion within moments, by one question that waits', async () => {
    await using hub = await hubWithTwo();
    await using pop = await RegisteredPop.start(hub.url, await hub.token());
    const session = await pop.session();
    await session.refresh(signal);
    expect(session.channel('prod')).toMatchObject({ snapshot: 'one', sequence: 1 });
    const began = performance.now();
    await hub.promote('prod', 'two');
    await until(session, () => session.channel('prod').snapshot === 'two');
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(hub.count(/assignment/)).toBeLessThanOrEqual(3);
    await session.close();
  });

  test('refuses what was replayed, and stays where it was', async () => {
    await using hub = await hubWithTwo();
    await using pop = await RegisteredPop.start(hub.url, await hub.token());
    const first = await pop.session();
    await first.refresh(signal);
    const old = JSON.stringify(await pop.folder.assignment());
    await hub.promote('prod', 'two');
    await first.refresh(signal);
    await first.close();
    hub.intercept = (request, response) => {
      if (!(request.url ?? '').startsWith('/v1/assignment')) return false;
      response.writeHead(200, { 'content-type': 'application/json', etag: '"old"' }).end(old);
      return true;
    };
    // Also after a restart, and although it comes from the right hub with a right signature.
    const session = await pop.session();
    expect(session.channel('prod').snapshot).toBe('two');
    await session.refresh(signal).catch(() => {});
    expect(() => session.channel('prod')).toThrow(expect.objectContaining({ code: 'replayed' }));
    await session.close();
  });

  test('refuses what another hub signed, what is for another PoP, and nonsense', async () => {
    await using hub = await hubWithTwo();
    await using other = await hubWithTwo();
    await using pop = await RegisteredPop.start(hub.url, await hub.token());
    await using neighbour = await RegisteredPop.start(hub.url, await hub.token(), 'lyon-2');
    await using stranger = await RegisteredPop.start(other.url, await other.token());
    const answers: [unknown, string][] = [];
    for (const [someone, code] of [
      [stranger, 'untrusted'],
      [neighbour, 'untrusted'],
    ] as const) {
      const session = await someone.session();
      await session.refresh(signal);
      await session.close();
      answers.push([await someone.folder.assignment(), code]);
    }
    answers.push([{ assignment: 'x.y.z', channels: {} }, 'untrusted'], [{ nothing: true }, 'upstream_lied']);
    for (const [answer, code] of answers) {
      hub.intercept = (request, response) => {
        if (!(request.url ?? '').startsWith('/v1/assignment')) return false;
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
        return true;
      };
      const session = await pop.session();
      await expect(session.refresh(signal)).rejects.toMatchObject({ code });
      expect(session.assignment).toBeNull();
      await session.close();
    }
  });

  test('keeps to the epoch that it knows until the operator says otherwise', async () => {
    await using hub = await hubWithTwo();
    await using pop = await RegisteredPop.start(hub.url, await hub.token());
    const before = await pop.session();
    await before.refresh(signal);
    await before.close();
    await hub.stop();
    await hub.store.put(keysOf.epoch, Buffer.from(JSON.stringify({ epoch: 7 })));
    await hub.resume();
    const session = await pop.session();
    await expect(session.refresh(signal)).rejects.toMatchObject({ code: 'epoch_changed', message: /accept-epoch/ });
    expect(session.channel('prod').snapshot).toBe('one');
    await session.close();
  });

  test('renews its certificate with a new key, and goes on by it', async () => {
    await using hub = await hubWithTwo({ certificateLife: 3_000 });
    await using pop = await RegisteredPop.start(hub.url, await hub.token());
    const before = await pop.folder.load();
    const session = await pop.session();
    while (session.membership.current?.certificate === before?.certificate || session.membership.current === null)
      await session.refresh(signal);
    const after = await pop.folder.load();
    expect(after).toMatchObject({ id: before?.id, name: 'lyon-1' });
    expect(after?.key).not.toBe(before?.key);
    await session.refresh(signal);
    await session.close();
  });

  test('renews a certificate that has ended while it was away', async () => {
    await using hub = await hubWithTwo({ certificateLife: 1_000 });
    await using pop = await RegisteredPop.start(hub.url, await hub.token());
    const ends = (await pop.session()).membership.certificateEnds ?? 0;
    while (Date.now() <= ends + 1_000) await new Promise((resolve) => setTimeout(resolve, 50));
    const session = await pop.session();
    await session.refresh(signal);
    expect(session.channel('prod').snapshot).toBe('one');
    await session.close();
  });

  test('is refused once the PoP is revoked, until a new token makes it another one', async () => {
    await using hub = await hubWithTwo();
    const tokens = [await hub.token(), await hub.token()];
    let given = tokens[0] ?? '';
    await using pop = await RegisteredPop.start(hub.url, given);
    const session = await pop.session(async () => given);
    await session.refresh(signal);
    const id = session.membership.need().id;
    // Assignments are numbered for each PoP: those of the next one begin below.
    for (const deny of ['a', 'b', 'c']) await hub.assign([{ channels: ['prod'], deny: [digestOf(deny)] }]);
    await session.refresh(signal);
    await hub.assign([{ channels: ['prod'] }]);
    await session.refresh(signal);
    expect(session.assignment?.sequence).toBeGreaterThan(2);
    await revoke(hub, id);
    for (;;) {
      const refused = await session.refresh(signal).then(
        () => null,
        (error: unknown) => error,
      );
      if (refused !== null) {
        expect(refused).toMatchObject({ code: 'certificate_refused' });
        break;
      }
    }
    expect(session.channel('prod').snapshot).toBe('one');
    given = tokens[1] ?? '';
    await session.refresh(signal);
    expect(session.membership.need().id).not.toBe(id);
    expect(session.assignment).toMatchObject({ sequence: 1, audience: session.membership.need().id });
    await session.close();
  });

  test('begins when `register` has been run beside it', async () => {
    await using hub = await hubWithTwo();
    await using pop = await RegisteredPop.start(hub.url, null);
    const session = await pop.session();
    await expect(session.refresh(signal)).rejects.toMatchObject({ code: 'not_registered' });
    const { register } = await import('../../../mirror/waystation/registration.ts');
    const { addressOf } = await import('./registered-pop.ts');
    const { folder } = pop;
    await register(addressOf(hub.url), { folder, token: await hub.token(), name: 'lyon-1' }, signal);
    await until(session, () => session.assignment !== null);
    expect(session.channel('prod').snapshot).toBe('one');
    await session.close();
  });

  test('registers by the configured token as soon as the hub can be reached, and needs the token no more', async () => {
    await using hub = await hubWithTwo();
    await using pop = await RegisteredPop.start(hub.url, null);
    const token = await hub.token();
    await hub.stop();
    const session = await pop.session(async () => token);
    await expect(session.refresh(signal)).rejects.toMatchObject({ code: 'upstream_unreachable' });
    await hub.resume();
    await until(session, () => session.assignment !== null);
    await session.close();
    const gone = async (): Promise<string> => {
      throw new WaystationError('secret_unreadable', 'the token is gone');
    };
    const again = await pop.session(gone);
    await again.refresh(signal);
    expect(again.channel('prod').snapshot).toBe('one');
    await again.close();
  });
});
