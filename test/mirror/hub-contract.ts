import { describe, expect, test } from 'vitest';
import type { Digest } from '../../base/digest.ts';
import { digestOf } from '../../base/digest.ts';
import type { HubClient, WantedRepository } from '../../mirror/discovery.ts';
import { readWhole } from '../../origin/read-whole.ts';

/** A hub for the contract, with at least `site/open` for everybody and `site/guarded` for those it knows. */
export interface HubUnderTest extends AsyncDisposable {
  /** repomd.xml of each repository that the hub lists, by the path that the PoP serves it under. */
  readonly repositories: Readonly<Record<string, Digest>>;
  /** A new client, as after a restart: what an earlier one left to remember is there. `secret` is its password. */
  client(secret: string): Promise<HubClient & { close(): Promise<unknown> }>;
  /** The password that the hub wants from now on. */
  wants(secret: string): void;
  /** Nothing of it answers any more. */
  vanish(): Promise<void>;
}

/** What every hub client keeps to: run by each kind's own test file. */
export function hubContract(kind: string, start: () => Promise<HubUnderTest>): void {
  const signal = AbortSignal.timeout(60_000);
  const repomd = async ({ supplier }: WantedRepository): Promise<Digest> => {
    const answer = await supplier.get('repodata/repomd.xml', null, signal);
    if (answer.kind !== 'found') throw new Error('304 to an unconditional request');
    return digestOf(await readWhole(answer.transfer, 1 << 20));
  };
  const byPath = (list: readonly WantedRepository[], path: string): WantedRepository => {
    const found = list.find((repository) => repository.path === path);
    if (found === undefined) throw new Error(`${path} is not listed`);
    return found;
  };

  describe(`a hub of type ${kind}`, () => {
    test('names its type, and shows no user info in its URL', async () => {
      await using hub = await start();
      const client = await hub.client('first');
      expect(client.type).toBe(kind);
      expect(client.url ?? '').not.toMatch(/first|@/);
      await client.close();
    });

    test('lists each repository once, and its supplier brings that repository', async () => {
      await using hub = await start();
      const client = await hub.client('first');
      const { repositories } = await client.discover(signal);
      expect(repositories).toHaveLength(Object.keys(hub.repositories).length);
      const got = await Promise.all(repositories.map(async (one) => [one.path, await repomd(one)] as const));
      expect(Object.fromEntries(got)).toEqual(hub.repositories);
      await client.close();
    });

    test('gives what is for everybody in the scope `open` without a guard, and nothing else', async () => {
      await using hub = await start();
      const client = await hub.client('first');
      const { repositories } = await client.discover(signal);
      expect(byPath(repositories, 'site/open')).toMatchObject({ scope: 'open', guard: null });
      const guarded = byPath(repositories, 'site/guarded');
      expect(guarded.guard).toEqual({ kind: expect.stringMatching(/./), name: expect.stringMatching(/./) });
      expect(guarded.scope).toMatch(new RegExp(`^${kind}-[0-9a-f]{16}$`));
      await client.close();
    });

    test('stays who it is when its secret is rotated', async () => {
      await using hub = await start();
      const before = await hub.client('first');
      const { scope } = byPath((await before.discover(signal)).repositories, 'site/guarded');
      hub.wants('second');
      const after = await hub.client('second');
      const guarded = byPath((await after.discover(signal)).repositories, 'site/guarded');
      expect(guarded.scope).toBe(scope);
      expect(await repomd(guarded)).toBe(hub.repositories['site/guarded']);
      await Promise.all([before.close(), after.close()]);
    });

    test('says the same when nothing changed, with the same suppliers', async () => {
      await using hub = await start();
      const client = await hub.client('first');
      const [one, two] = [await client.discover(signal), await client.discover(signal)];
      expect(two.hubVersion).toBe(one.hubVersion);
      expect(two.repositories).toHaveLength(one.repositories.length);
      for (const [index, { supplier }] of two.repositories.entries()) {
        expect(supplier).toBe(one.repositories[index]?.supplier);
      }
      await client.close();
    });

    test('knows its list after a restart with the hub gone', async () => {
      await using hub = await start();
      const before = await hub.client('first');
      const listed = (await before.discover(signal)).repositories;
      await before.close();
      await hub.vanish();
      const after = await hub.client('first');
      const plain = ({ path, guard, scope, name }: WantedRepository): object => ({ path, guard, scope, name });
      expect(after.remembered().map(plain)).toEqual(listed.map(plain));
      await expect(repomd(byPath(after.remembered(), 'site/open'))).rejects.toMatchObject({ source: 'origin' });
      await after.close();
    });

    test('never says that an unanswered question was answered with an empty list', async () => {
      await using hub = await start();
      const client = await hub.client('first');
      await client.discover(signal);
      await hub.vanish();
      const outcome = await client.discover(signal).then(
        ({ repositories }) => repositories.length,
        (error: unknown) => error,
      );
      if (outcome instanceof Error) expect(outcome).toMatchObject({ source: 'origin', retryable: true });
      else expect(outcome).toBe(Object.keys(hub.repositories).length);
      expect(client.remembered()).toHaveLength(Object.keys(hub.repositories).length);
      await client.close();
    });
  });
}
