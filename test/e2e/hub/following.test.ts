import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../../base/digest.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { followingPop } from '../../support/following-pop.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { incompressibleText } from '../../support/incompressible-text.ts';
import { LiveHub } from '../../support/live-hub.ts';
import { Pop } from '../../support/pop.ts';

const size = 20_000;

function packages(version: (index: number) => number): Record<string, string> {
  const all = Array.from({ length: 10 }, (_, index) => {
    const name = `p/pkg${index}-${version(index)}-1.noarch.rpm`;
    return [name, incompressibleText(size, name)] as const;
  });
  return Object.fromEntries(all);
}

/** A hub whose snapshots `one` to `four` differ by one package each; `prod` points to `one`. */
async function hubWithFour(): Promise<LiveHub> {
  await using origin = await FaultyOrigin.start();
  const hub = await LiveHub.start();
  for (const [version, name] of ['', 'one', 'two', 'three', 'four'].entries()) {
    if (name === '') continue;
    putRepository(origin, 'base', { types: ['primary'], packages: packages((index) => (index === 3 ? version : 1)) });
    await hub.snapshot(name, [{ type: 'yum', path: 'el9/base', url: `${origin.url}base/` }]);
  }
  await hub.promote('prod', 'one');
  return hub;
}

const get = (pop: Pop, path: string): Promise<Response> => fetch(`${pop.content}/content/el9/base/${path}`);

/** Resolves once a PoP serves a snapshot. */
async function serves(pop: Pop, snapshot: string): Promise<void> {
  await pop.until(({ subscriptions: [site] }) => site?.snapshot === snapshot && site.sync.state === 'idle');
}

describe('a PoP that follows a channel', { timeout: 60_000 }, () => {
  test('registers by itself, and is where the channel points within moments, forward and back', async () => {
    await using hub = await hubWithFour();
    await using pop = await Pop.start(followingPop(hub, { token: await hub.token() }));
    await serves(pop, 'one');
    expect(await (await get(pop, 'p/pkg3-1-1.noarch.rpm')).text()).toBe(packages(() => 1)['p/pkg3-1-1.noarch.rpm']);
    for (const [snapshot, version] of [
      ['two', 2],
      ['one', 1],
    ] as const) {
      const began = performance.now();
      if (snapshot === 'two') await hub.promote('prod', 'two');
      else await hub.rollback('prod');
      await serves(pop, snapshot);
      expect(performance.now() - began).toBeLessThan(10_000);
      expect((await get(pop, `p/pkg3-${version}-1.noarch.rpm`)).status).toBe(200);
    }
    expect((await pop.generations()).map(({ hubVersion }) => hubVersion)).toEqual(['one', 'two', 'one']);
    // A generation from before is served on, by what the hub still has.
    const [, two] = await pop.generations();
    const other = await fetch(`${pop.content}/generations/${two?.id}/el9/base/p/pkg4-1-1.noarch.rpm`);
    expect([other.status, (await other.arrayBuffer()).byteLength]).toEqual([200, size]);
    const said = await pop.run('status');
    expect(said.stdout).toMatch(/lyon-1 at the hub, certificate until .*; prod points to one, which is served/);
  });

  test('serves on while the hub is gone, over restarts, and goes straight to where it points by then', async () => {
    await using hub = await hubWithFour();
    await using pop = await Pop.start(followingPop(hub, { token: await hub.token() }));
    await serves(pop, 'one');
    expect((await get(pop, 'p/pkg3-1-1.noarch.rpm')).status).toBe(200);
    await pop.held('/content/el9/base/p/pkg3-1-1.noarch.rpm');
    await hub.stop();
    await hub.promote('prod', 'two');
    await hub.promote('prod', 'three');
    await pop.kill();
    await pop.launch();
    expect((await fetch(`${pop.admin}/healthz/ready`)).status).toBe(200);
    expect((await get(pop, 'repodata/repomd.xml')).status).toBe(200);
    expect((await get(pop, 'p/pkg3-1-1.noarch.rpm')).status).toBe(200);
    expect((await get(pop, 'p/pkg4-1-1.noarch.rpm')).status).toBe(504);
    await pop.until(({ subscriptions: [site] }) => site?.hub.error?.code === 'upstream_unreachable');
    await hub.resume();
    await serves(pop, 'three');
    expect((await pop.generations()).map(({ hubVersion }) => hubVersion)).toEqual(['three', 'one']);
    expect((await get(pop, 'p/pkg4-1-1.noarch.rpm')).status).toBe(200);
  });

  test('that was away fetches only what it does not have', async () => {
    await using hub = await hubWithFour();
    await using pop = await Pop.start(followingPop(hub, { token: await hub.token(), policy: 'full' }));
    await serves(pop, 'one');
    expect(hub.bytes).toBeGreaterThan(10 * size);
    await pop.stop();
    for (const snapshot of ['two', 'three', 'four']) await hub.promote('prod', snapshot);
    const before = hub.bytes;
    await pop.launch();
    await serves(pop, 'four');
    const [current] = await pop.generations();
    expect(current?.packages).toEqual({ listed: 10, held: 10 });
    // One package of the ten, the metadata and what the hub says.
    expect(hub.bytes - before).toBeLessThan(2 * size);
    expect(hub.bytes - before).toBeGreaterThan(size);
  });

  test('serves nothing that the hub denies, held or not, until it is allowed again', async () => {
    await using hub = await hubWithFour();
    const [held, cold] = ['p/pkg3-1-1.noarch.rpm', 'p/pkg4-1-1.noarch.rpm'];
    const deny = [held, cold].map((name) => digestOf(packages(() => 1)[name] ?? ''));
    await using pop = await Pop.start(followingPop(hub, { token: await hub.token() }));
    await serves(pop, 'one');
    // Twice: the second one comes from memory.
    for (let time = 0; time < 2; time++) expect((await get(pop, held)).status).toBe(200);
    await hub.assign([{ channels: ['prod'], deny }]);
    while ((await get(pop, held)).status !== 403);
    const refused = await get(pop, cold);
    expect([refused.status, await refused.json()]).toEqual([403, expect.objectContaining({ code: 'denied' })]);
    expect((await get(pop, 'p/pkg5-1-1.noarch.rpm')).status).toBe(200);
    await pop.accessLine(({ path, outcome }) => path.endsWith(held) && outcome === 'denied');
    expect((await pop.run('status', `/content/el9/base/${held}`)).stdout).toMatch(/denied/);

    await hub.stop();
    await pop.kill();
    await pop.launch();
    for (const name of [held, cold]) expect((await get(pop, name)).status).toBe(403);
    expect((await pop.metrics()).get(`denied_files{hub="${hub.url}/"}`)).toBe(2);
    await hub.resume();
    await hub.assign([{ channels: ['prod'] }]);
    while ((await get(pop, held)).status !== 200);
    expect((await get(pop, cold)).status).toBe(200);
  });

  test('fetches ahead as the hub assigns, without what it denies, unless its own configuration says otherwise', async () => {
    await using hub = await hubWithFour();
    const deny = [digestOf(packages(() => 1)['p/pkg4-1-1.noarch.rpm'] ?? '')];
    await hub.assign([{ channels: ['prod'], policy: 'full', deny }]);
    await using pop = await Pop.start(followingPop(hub, { token: await hub.token() }));
    await using other = await Pop.start(
      followingPop(hub, { token: await hub.token(), name: 'lyon-2', policy: 'on-demand' }),
    );
    await Promise.all([serves(pop, 'one'), serves(other, 'one')]);
    const held = async (which: Pop): Promise<unknown> => (await which.repository('el9/base')).packages.held;
    await pop.until(({ subscriptions: [site] }) => site?.sync.lastSuccess !== null);
    expect([await held(pop), await held(other)]).toEqual([9, 0]);
    expect((await pop.status()).subscriptions[0]?.policy).toBe('full');
    expect((await other.status()).subscriptions[0]?.policy).toBe('on-demand');
  });

  test('tells its hub how it does, at once after a change', async () => {
    await using hub = await hubWithFour();
    await hub.assign([{ channels: ['prod'], heartbeat: '1h' }]);
    await using pop = await Pop.start(followingPop(hub, { token: await hub.token() }));
    await serves(pop, 'one');
    const heard = async (snapshot: string): Promise<Record<string, unknown>> => {
      for (;;) {
        const [told] = await hub.pops();
        const [channel] = (told?.['channels'] ?? []) as Record<string, unknown>[];
        if (channel?.['snapshot'] === snapshot && channel['complete'] === true) return told ?? {};
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    expect(await heard('one')).toMatchObject({ name: 'lyon-1', state: 'current', version: expect.any(String) });
    await hub.promote('prod', 'two');
    expect(await heard('two')).toMatchObject({ channels: [{ channel: 'prod', errors: 0 }] });
    expect((await pop.metrics()).get('heartbeats_total')).toBeGreaterThanOrEqual(2);
  });

  test('is made known by a command, with or without a service, and waits until then', async () => {
    await using hub = await hubWithFour();
    await using pop = await Pop.start(followingPop(hub, { token: null }));
    const nobody = await pop.until(({ subscriptions: [site] }) => site?.hub.error?.code === 'not_registered');
    expect(nobody.subscriptions[0]?.hub.following).toMatchObject({ id: null, snapshot: null });
    expect((await fetch(`${pop.admin}/healthz/ready`)).status).toBe(503);
    expect(pop.output).toMatch(/not_registered/);
    const file = join(hub.directory, 'token');
    await writeFile(file, `${await hub.token()}\n`);
    const words = ['register', '--hub', hub.url, '--token-file', file];
    const made = await pop.run(...words);
    expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/registered at .* as lyon-1/)]);
    await serves(pop, 'one');
    expect(await pop.run(...words)).toMatchObject({ code: 0, stdout: made.stdout });
    expect(await pop.run('register', '--hub', hub.url)).toMatchObject({ code: 2 });
    expect(await pop.run('register', '--hub', 'http://hub')).toMatchObject({ code: 2 });
  });

  test('leaves a sync that a promotion made pointless, and keeps what it had fetched', async () => {
    await using hub = await hubWithFour();
    const options = followingPop(hub, { token: await hub.token(), policy: 'full' });
    await using pop = await Pop.start({ ...options, config: { ...options.config, limits: [{ rate: '32KiB/s' }] } });
    await pop.until(({ subscriptions: [site] }) => site?.snapshot === 'one' && site.sync.phase === 'packages');
    await hub.promote('prod', 'two');
    await serves(pop, 'two');
    const runs = await pop.runs();
    expect(runs.map(({ state, reason }) => [state, reason])).toContainEqual(['cancelled', 'superseded']);
    expect((await pop.repository('el9/base')).packages).toMatchObject({ listed: 10, held: 10 });
    expect(hub.bytes).toBeLessThan(13 * size);
  });
});
