import { expect, test } from 'vitest';
import { digestOf } from '../../../base/digest.ts';
import type { SubscriptionPlan } from '../../../base/plan.ts';
import type { ReadyReport } from '../../../sync/readiness/report.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { followingPop } from '../../support/following-pop.ts';
import { nevraOfFile, putRepository } from '../../support/hand-made-repository.ts';
import { LiveHub } from '../../support/live-hub.ts';
import { Pop } from '../../support/pop.ts';
import { describeWith } from '../../support/tools.ts';
import { dnfTools } from '../../support/dnf.ts';

const packages = {
  'p/good-1-1.noarch.rpm': 'good bytes',
  'p/bad-1-1.noarch.rpm': 'bad bytes, which the hub denies',
};
/** A solver, and several commands that are processes of their own. */
const patience = { timeout: 120_000 };

const bad = packages['p/bad-1-1.noarch.rpm'];

/** A hub whose channel has one package that it denies to all. */
async function denyingHub(): Promise<LiveHub> {
  await using origin = await FaultyOrigin.start();
  const hub = await LiveHub.start();
  putRepository(origin, 'base', { types: ['primary'], packages, nevra: nevraOfFile });
  await hub.snapshot('one', [{ type: 'yum', path: 'el9/base', url: `${origin.url}base/` }]);
  await hub.promote('prod', 'one');
  await hub.assign([{ channels: ['prod'], policy: 'full', deny: [digestOf(bad)] }]);
  return hub;
}

async function readyOf(pop: Pop, ...more: string[]): Promise<{ code: number | null; report: ReadyReport }> {
  const { code, stdout } = await pop.run('ready', '--json', ...more);
  return { code, report: JSON.parse(stdout) as ReadyReport };
}

describeWith(dnfTools, 'a PoP whose hub denies a package', () => {
  test('is ready without it, with and without the service, and not for who needs it', patience, async () => {
    await using hub = await denyingHub();
    await using pop = await Pop.start(followingPop(hub, { token: await hub.token() }));
    await pop.until(({ subscriptions: [site] }) => site?.sync.lastSuccess !== null);
    const denied = { files: 1, bytes: bad.length };
    const expected = {
      ready: true,
      denied,
      missing: { count: 0, bytes: 0 },
      subscriptions: [{ repositories: [{ state: 'ready', promised: { listed: 2, held: 1, bytes: 0, denied } }] }],
    };
    expect(await readyOf(pop)).toMatchObject({ code: 0, report: expected });
    expect(await (await fetch(`${pop.admin}/api/v1/ready`)).json()).toMatchObject(expected);
    const text = await pop.run('ready');
    expect(text.stdout).toMatch(/denied by the hub: 1 file, 31 B/);
    expect(text.stdout).toMatch(/ 1\/2, 1 denied /);

    expect((await readyOf(pop, '--packages', 'good')).code).toBe(0);
    const { code, report } = await readyOf(pop, '--packages', 'bad', '--fetch');
    expect(code).toBe(1);
    expect(report).toMatchObject({
      ready: false,
      denied,
      needs: {
        packages: { needed: 1, held: 0 },
        denied,
        problems: ['bad-1-1.noarch is needed and denied by the hub: el9/base/p/bad-1-1.noarch.rpm'],
      },
      missing: { count: 0 },
      fetched: [],
    });

    const planned = await pop.run('sync', '--plan', '--json');
    const { plans } = JSON.parse(planned.stdout) as { readonly plans: readonly SubscriptionPlan[] };
    expect([planned.code, plans[0]?.total.fetch.files, plans[0]?.total.denied]).toEqual([
      0,
      0,
      { ...denied, unsized: 0 },
    ]);
    expect((await pop.run('sync', '--plan')).stdout).toContain('1 file, 31 B are denied by the hub');

    await pop.stop();
    expect(await readyOf(pop)).toMatchObject({ code: 0, report: expected });
  });

  test('counts it as missing or held again once it is allowed', patience, async () => {
    await using hub = await denyingHub();
    await using pop = await Pop.start(followingPop(hub, { token: await hub.token() }));
    await pop.until(({ subscriptions: [site] }) => site?.sync.lastSuccess !== null);
    await hub.assign([{ channels: ['prod'], policy: 'full' }]);
    for (;;) {
      const { report } = await readyOf(pop);
      if (report.denied.files > 0) continue;
      const promised = report.subscriptions[0]?.repositories[0]?.promised;
      expect((promised?.held ?? 0) + report.missing.count).toBe(2);
      break;
    }
  });
});
