import { describe, expect, test } from 'vitest';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { incompressibleText } from '../../support/incompressible-text.ts';
import { LiveHub } from '../../support/live-hub.ts';
import { Pop } from '../../support/pop.ts';
import type { PopOptions } from '../../support/pop.ts';

/** A PoP that follows `prod`, and registers by a token beside its configuration. */
function followingPop(hub: LiveHub, token: string, options: { policy?: string } = {}): PopOptions {
  const subscription = {
    name: 'site',
    hub: { type: 'waystation', url: hub.url, tokenFile: 'token', name: 'lyon-1' },
    channel: 'prod',
    refresh: '1h',
    ...options,
  };
  return { config: { subscriptions: [subscription] }, files: { token } };
}

function packages(version: (index: number) => number): Record<string, string> {
  const all = Array.from({ length: 10 }, (_, index) => {
    const name = `p/pkg${index}-${version(index)}-1.noarch.rpm`;
    return [name, `${name} ${incompressibleText(20_000, name)}`] as const;
  });
  return Object.fromEntries(all);
}

const get = async (pop: Pop, path: string): Promise<string> => (await fetch(`${pop.content}/content/${path}`)).text();

describe('a PoP that follows a channel', { timeout: 120_000 }, () => {
  test('registers by itself, and is where the channel points within moments', async () => {
    await using origin = await FaultyOrigin.start();
    await using hub = await LiveHub.start();
    const sources = [{ type: 'yum', path: 'el9/base', url: `${origin.url}base/` }];
    const one = putRepository(origin, 'base', { packages: packages(() => 1) });
    await hub.snapshot('one', sources);
    await hub.promote('prod', 'one');
    await using pop = await Pop.start(followingPop(hub, await hub.token()));
    await pop.until(({ subscriptions: [site] }) => site?.generation !== null);
    expect(await get(pop, 'el9/base/repodata/repomd.xml')).toBe(one.repomd.toString());
    expect(await get(pop, 'el9/base/p/pkg3-1-1.noarch.rpm')).toBe(packages(() => 1)['p/pkg3-1-1.noarch.rpm']);

    const two = putRepository(origin, 'base', { packages: packages((index) => (index === 3 ? 2 : 1)) });
    await hub.snapshot('two', sources);
    const began = performance.now();
    await hub.promote('prod', 'two');
    await pop.until(
      ({ subscriptions: [site] }) => site?.sync.state === 'idle' && site.hub.following?.snapshot === 'two',
    );
    while ((await get(pop, 'el9/base/repodata/repomd.xml')) !== two.repomd.toString());
    expect(performance.now() - began).toBeLessThan(10_000);
    const [current] = await pop.generations();
    expect(current).toMatchObject({ hubVersion: 'two', current: true });
  });
});
