import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CommandResult } from '../../support/command.ts';
import { command } from '../../support/command.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { HubProcess } from '../../support/hub-process.ts';
import { Pop, waystationProgram } from '../../support/pop.ts';

async function told(hub: HubProcess, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await hub.run(...words);
  if (code !== 0) throw new Error(`hub ${words.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}

/** Snapshots by name, each with another package. */
async function make(hub: HubProcess, ...names: string[]): Promise<void> {
  await using origin = await FaultyOrigin.start();
  const from = join(hub.directory, 'sources.yaml');
  await writeFile(from, JSON.stringify({ repositories: [{ type: 'yum', path: 'base', url: `${origin.url}base/` }] }));
  for (const name of names) {
    putRepository(origin, 'base', { packages: { [`p/${name}-1-1.noarch.rpm`]: name } });
    await told(hub, 'snapshot', 'create', name, '--from', from);
  }
}

async function following(hub: HubProcess): Promise<Pop> {
  const token = (await told(hub, 'token', 'create')).trim();
  const own = { type: 'waystation', url: hub.url, tokenFile: 'token', name: 'lyon-1' };
  const subscription = { name: 'site', hub: own, channel: 'prod', refresh: '1s' };
  return Pop.start({ config: { subscriptions: [subscription] }, files: { token } });
}

/** Resolves once a PoP serves a snapshot, which is proven by a package that only that one has. */
async function serves(pop: Pop, snapshot: string): Promise<void> {
  await expect
    .poll(async () => (await fetch(`${pop.content}/content/base/p/${snapshot}-1-1.noarch.rpm`)).status, {
      timeout: 30_000,
    })
    .toBe(200);
  await expect.poll(async () => (await pop.generations())[0]?.hubVersion, { timeout: 30_000 }).toBe(snapshot);
}

function registering(pop: Pop, hub: HubProcess, ...words: string[]): Promise<CommandResult> {
  const [executable, ...more] = waystationProgram;
  return command(executable, [...more, 'register', '--hub', hub.url, ...words, '--config', pop.configFile]);
}

describe('a hub whose keys are rotated', { timeout: 120_000 }, () => {
  test('is followed on, also by a PoP that was away, and over restarts of both', async () => {
    await using hub = await HubProcess.start();
    await make(hub, 'one', 'two', 'three');
    await told(hub, 'promote', 'prod', 'one');
    await using pop = await following(hub);
    await serves(pop, 'one');
    const [old] = (JSON.parse(await told(hub, 'keys', '--json')) as { keys: { id: string }[] }).keys;
    await pop.stop();
    await told(hub, 'keys', 'rotate', '--after', '0s');
    await told(hub, 'promote', 'prod', 'two');
    await pop.launch();
    await serves(pop, 'two');
    await told(hub, 'keys', 'retire', String(old?.id), '--force');
    await told(hub, 'promote', 'prod', 'three');
    await serves(pop, 'three');
    await hub.kill();
    await pop.kill();
    await hub.launch();
    await pop.launch();
    await told(hub, 'rollback', 'prod');
    await serves(pop, 'two');
    expect(hub.lines.filter(({ msg }) => msg === 'a channel is not readable')).toEqual([]);
  });
});

describe('a hub whose store was restored', { timeout: 120_000 }, () => {
  test('is refused until it says so and the PoP agrees; what was served stays served', async () => {
    await using hub = await HubProcess.start();
    await make(hub, 'one', 'two', 'three');
    await told(hub, 'promote', 'prod', 'one');
    await using pop = await following(hub);
    await serves(pop, 'one');
    const [store, backup] = [join(hub.directory, 'store'), join(hub.directory, 'backup')];
    await cp(store, backup, { recursive: true });
    await told(hub, 'promote', 'prod', 'two');
    await serves(pop, 'two');

    const error = async (): Promise<string | undefined> => (await pop.status()).subscriptions[0]?.hub.error?.code;
    await hub.stop();
    await rm(store, { recursive: true });
    await cp(backup, store, { recursive: true });
    await hub.launch();
    await expect.poll(error, { timeout: 30_000 }).toBe('replayed');
    await serves(pop, 'two');

    await hub.stop();
    await told(hub, 'init', '--restored');
    await hub.launch();
    await told(hub, 'promote', 'prod', 'three');
    await expect.poll(error, { timeout: 30_000 }).toBe('epoch_changed');
    await serves(pop, 'two');
    expect(await registering(pop, hub, '--accept-epoch')).toMatchObject({ code: 0 });
    await serves(pop, 'three');
    await expect.poll(error, { timeout: 30_000 }).toBeUndefined();
  });
});
