import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dnfTools, freshDnf } from '../../support/dnf.ts';
import type { Dnf } from '../../support/dnf.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { followingPop } from '../../support/following-pop.ts';
import { HubProcess } from '../../support/hub-process.ts';
import { Pop } from '../../support/pop.ts';
import { repositoryTools, signedRepository } from '../../support/rpm-repository.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import type { TemporaryDirectory } from '../../support/temporary-directory.ts';
import { describeWith } from '../../support/tools.ts';

const names = ['lyon-1', 'lyon-2', 'oslo-1'] as const;

/** Everything in processes of its own: a hub, three PoPs that it has never seen, and a dnf behind each. */
describeWith([...repositoryTools, ...dnfTools], 'a hub and three PoPs', () => {
  let directory: TemporaryDirectory;
  let hub: HubProcess;
  let pops: readonly Pop[];
  let dnfs: readonly Dnf[];
  const resources = new AsyncDisposableStack();

  const done = async (...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await hub.run(...words);
    expect([words[0], code, stderr]).toEqual([words[0], 0, stderr]);
    return stdout;
  };

  beforeAll(async () => {
    directory = resources.use(await temporaryDirectory());
    const origin = resources.use(await FaultyOrigin.start({ directory: join(directory.path, 'origin') }));
    hub = resources.use(await HubProcess.start());
    const from = join(directory.path, 'sources.yaml');
    const repositories = ['base', 'tools'].map((path) => ({ type: 'yum', path, url: `${origin.url}${path}/` }));
    await writeFile(from, JSON.stringify({ repositories }));
    for (const week of [1, 2, 3, 4]) {
      await signedRepository(join(directory.path, 'origin/base'), {
        packages: [{ name: 'weekly', version: `${week}.0` }],
      });
      await signedRepository(join(directory.path, 'origin/tools'), { packages: [{ name: 'steady', bytes: 1 << 20 }] });
      await done('snapshot', 'create', `week-${week}`, '--from', from);
    }
    await origin.stop();
    await done('promote', 'prod', 'week-1');
    pops = await Promise.all(
      names.map(async (name) => {
        const token = await done('token', 'create', '--label', `site=${name.split('-')[0]}`);
        return resources.use(await Pop.start(followingPop(hub, { token, name, policy: 'full' })));
      }),
    );
    await serve(pops, 'week-1');
    dnfs = await Promise.all(
      pops.map(async (pop) =>
        freshDnf(directory.path, await (await fetch(`${pop.content}/repo-files/site.repo`)).text()),
      ),
    );
  }, 300_000);
  afterAll(() => resources.disposeAsync());

  /** Resolves once these PoPs serve a snapshot, with everything that their policy wants of it. */
  const serve = async (which: readonly Pop[], snapshot: string): Promise<void> => {
    await Promise.all(
      which.map((pop) =>
        pop.until(({ subscriptions: [site] }) => site?.snapshot === snapshot && site.sync.state === 'idle'),
      ),
    );
  };

  /** What each dnf sees now of the package that changes each week. */
  const weekly = async (which: readonly Dnf[] = dnfs): Promise<readonly string[]> =>
    Promise.all(
      which.map(async (dnf) => {
        const { code, stdout, stderr } = await dnf.run(
          '--refresh',
          '--quiet',
          'repoquery',
          '--queryformat=%{version}',
          'weekly',
        );
        return code === 0 ? stdout.trim() : stderr;
      }),
    );

  const standings = async (): Promise<Record<string, unknown>> => {
    const { pops: rows } = JSON.parse(await done('pops', 'list', '--json')) as { pops: Record<string, unknown>[] };
    return Object.fromEntries(rows.map(({ name, state }) => [String(name), state]));
  };

  test('registered by token, they serve what the channel points to, to dnf with both checks on', async () => {
    expect(await weekly()).toEqual(['1.0', '1.0', '1.0']);
    for (const dnf of dnfs) expect(await dnf.install('weekly', 'steady')).toMatchObject({ code: 0 });
  });

  test('follow a promotion, and a rollback, as hosts see', async () => {
    const began = performance.now();
    await done('promote', 'prod', 'week-2', '--why', 'patch day');
    await serve(pops, 'week-2');
    // Two commands and everything that three PoPs fetch: seconds, where polling would take a quarter of an hour.
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(await weekly()).toEqual(['2.0', '2.0', '2.0']);
    await done('rollback', 'prod');
    await serve(pops, 'week-1');
    expect(await weekly()).toEqual(['1.0', '1.0', '1.0']);
  });

  test('report how they do, each under its name', async () => {
    for (;;) {
      const states = await standings();
      if (names.every((name) => states[name] === 'current')) break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const { pops: rows } = JSON.parse(await done('pops', 'list', '--json')) as { pops: Record<string, unknown>[] };
    expect(rows.find(({ name }) => name === 'oslo-1')).toMatchObject({
      labels: { site: 'oslo' },
      channels: [{ channel: 'prod', snapshot: 'week-1', complete: true, errors: 0 }],
    });
  });

  test('serve on while the hub is dead for two promotions, one of them dead too, and catch up', async () => {
    await hub.kill();
    const [, , away] = pops;
    await away?.stop();
    await done('promote', 'prod', 'week-3');
    await done('promote', 'prod', 'week-4');
    expect(await weekly(dnfs.slice(0, 2))).toEqual(['1.0', '1.0']);
    await hub.launch();
    await serve(pops.slice(0, 2), 'week-4');
    await away?.launch();
    await serve(pops, 'week-4');
    expect(await weekly()).toEqual(['4.0', '4.0', '4.0']);
    for (const dnf of dnfs) expect(await dnf.install('weekly')).toMatchObject({ code: 0 });
    // Nobody went by what was there in between.
    for (const pop of pops)
      expect((await pop.generations()).map(({ hubVersion }) => hubVersion)).not.toContain('week-3');
  });

  test('revoked, a PoP serves on and the others go on', async () => {
    await done('pops', 'revoke', 'lyon-2', '--why', 'stolen');
    await done('promote', 'prod', 'week-2');
    await serve(
      [pops[0], pops[2]].filter((pop) => pop !== undefined),
      'week-2',
    );
    await pops[1]?.until(({ subscriptions: [site] }) => site?.hub.error?.code === 'certificate_refused');
    expect(await weekly()).toEqual(['2.0', '4.0', '2.0']);
    expect(await standings()).toMatchObject({ 'lyon-2': 'revoked' });
  });

  test('a hub that was restored from a backup is followed once the operator says so', async () => {
    await hub.stop();
    await done('init', '--restored');
    await hub.launch();
    const [pop] = pops;
    await pop?.until(({ subscriptions: [site] }) => site?.hub.following?.problem?.includes('epoch') === true);
    await done('promote', 'prod', 'week-1');
    expect(await weekly(dnfs.slice(0, 1))).toEqual(['2.0']);
    const accepted = await pop?.run('register', '--hub', hub.url, '--accept-epoch');
    expect(accepted).toMatchObject({ code: 0, stdout: expect.stringMatching(/is believed from now on/) });
    await serve(pops.slice(0, 1), 'week-1');
    expect(await weekly(dnfs.slice(0, 1))).toEqual(['1.0']);
  });
});
