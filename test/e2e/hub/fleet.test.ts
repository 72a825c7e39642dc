import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FleetStanding } from '../../../hub/fleet/standing.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { HubProcess } from '../../support/hub-process.ts';
import { Pop } from '../../support/pop.ts';

const patient = { timeout: 30_000 };

async function told(hub: HubProcess, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await hub.run(...words);
  if (code !== 0) throw new Error(`hub ${words.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}

async function standings(hub: HubProcess): Promise<readonly FleetStanding[]> {
  return (JSON.parse(await told(hub, 'pops', '--json')) as { pops: FleetStanding[] }).pops;
}

async function states(hub: HubProcess): Promise<readonly string[]> {
  return (await standings(hub)).map(({ name, state }) => `${name} ${state}`);
}

/** A hub with the snapshots `one` and `two`, whose PoPs report each second. */
async function hubWithTwo(assignments: readonly object[]): Promise<HubProcess> {
  await using origin = await FaultyOrigin.start();
  const hub = await HubProcess.start();
  const from = join(hub.directory, 'sources.yaml');
  await writeFile(from, JSON.stringify({ repositories: [{ type: 'yum', path: 'base', url: `${origin.url}base/` }] }));
  for (const name of ['one', 'two']) {
    putRepository(origin, 'base', { packages: { [`p/${name}-1-1.noarch.rpm`]: name } });
    await told(hub, 'snapshot', 'create', name, '--from', from);
  }
  await assign(hub, assignments);
  return hub;
}

async function assign(hub: HubProcess, assignments: readonly object[]): Promise<void> {
  const file = join(hub.directory, 'assignments.yaml');
  await writeFile(file, JSON.stringify({ assignments }));
  await told(hub, 'assign', '--from', file);
}

async function pop(hub: HubProcess, name: string, options: { label?: string; channel?: string } = {}): Promise<Pop> {
  const { label, channel = 'prod' } = options;
  const token = await told(hub, 'token', 'create', ...(label === undefined ? [] : ['--label', label]));
  const own = { type: 'waystation', url: hub.url, tokenFile: 'token', name };
  const subscription = { name: 'site', hub: own, channel, refresh: '1h' };
  return Pop.start({ config: { subscriptions: [subscription] }, files: { token } });
}

describe('the PoPs of a hub', { timeout: 120_000 }, () => {
  test('are shown as they stand, those that are gone first', async () => {
    await using hub = await hubWithTwo([{ channels: ['prod'], heartbeat: '1s' }]);
    await told(hub, 'promote', 'prod', 'one');
    await using lyon = await pop(hub, 'lyon-1', { label: 'site=lyon' });
    await using oslo = await pop(hub, 'oslo-1');
    await expect.poll(() => states(hub), patient).toEqual(['lyon-1 current', 'oslo-1 current']);
    await told(hub, 'promote', 'prod', 'two');
    await expect
      .poll(async () => (await standings(hub)).map(({ state, channels: [prod] }) => [state, prod?.snapshot]), patient)
      .toEqual([
        ['current', 'two'],
        ['current', 'two'],
      ]);
    await oslo.kill();
    await expect.poll(() => states(hub), patient).toEqual(['oslo-1 offline', 'lyon-1 current']);
    // The hub was away, and knows the same afterwards.
    await hub.kill();
    await hub.launch();
    await expect.poll(() => states(hub), patient).toEqual(['oslo-1 offline', 'lyon-1 current']);
    const path = '/content/base/p/two-1-1.noarch.rpm';
    expect((await fetch(lyon.content + path)).status).toBe(200);
    await lyon.held(path);
    await told(hub, 'pops', 'revoke', 'lyon-1', '--why', 'sold');
    await oslo.launch();
    await expect.poll(() => states(hub), patient).toEqual(['oslo-1 current', 'lyon-1 revoked']);
    expect((await fetch(lyon.content + path)).status).toBe(200);
    const audit = JSON.parse(await told(hub, 'audit', '--json')) as { audit: { what: string; on: string }[] };
    expect(audit.audit.map(({ what, on }) => `${what} ${on}`)).toEqual([
      expect.stringMatching(/^hub\.init /),
      'snapshot.create one',
      'snapshot.create two',
      'assignments.set assignments',
      'channel.promote prod',
      expect.stringMatching(/^token\.create /),
      'pop.register lyon-1',
      expect.stringMatching(/^token\.create /),
      'pop.register oslo-1',
      'channel.promote prod',
      'pop.revoke lyon-1',
    ]);
  });

  test('follow what their labels are assigned, and hear of changes of either while they run', async () => {
    const everybody = { channels: ['prod'], heartbeat: '1s' };
    const early = { select: { ring: 'early' }, channels: ['next'] };
    await using hub = await hubWithTwo([everybody, early]);
    await told(hub, 'promote', 'prod', 'one');
    await told(hub, 'promote', 'next', 'two');
    await using lyon = await pop(hub, 'lyon-1', { channel: 'next' });
    const error = async (): Promise<unknown> => (await lyon.status()).subscriptions[0]?.hub.error?.code;
    await expect.poll(error, patient).toBe('channel_not_assigned');
    await told(hub, 'pops', 'label', 'lyon-1', 'ring=early');
    const get = async (): Promise<number> => (await fetch(`${lyon.content}/content/base/p/two-1-1.noarch.rpm`)).status;
    await expect.poll(get, patient).toBe(200);
    await expect.poll(() => states(hub), patient).toEqual(['lyon-1 current']);
    await assign(hub, [everybody]);
    await expect.poll(error, patient).toBe('channel_not_assigned');
    expect(await get()).toBe(200);
  });
});
