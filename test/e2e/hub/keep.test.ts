import { expect, test } from 'vitest';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { hubDirectory, numberedPackages } from '../../support/hub-directory.ts';

test(
  'keep retires the oldest that no channel needs, and a later collection removes them',
  { timeout: 300_000 },
  async () => {
    await using hub = await hubDirectory('keep: { snapshots: 1, grace: 1s }\n');
    await using origin = await FaultyOrigin.start();
    const source = { type: 'yum', path: 'base', url: `${origin.url}base/` };
    for (const week of [1, 2, 3, 4, 5]) {
      putRepository(origin, 'base', { packages: numberedPackages(10, (index) => (index === 0 ? week : 1)) });
      await hub.create(`week-${week}`, [source]);
      // The channel was left by the third, which it would go back to; the second it left before that.
      if (week === 2 || week === 3) expect(await hub.hub('promote', 'prod', `week-${week}`)).toMatchObject({ code: 0 });
    }
    expect(await hub.hub('promote', 'prod', 'week-4')).toMatchObject({ code: 0 });
    const before = (await hub.blobs()).length;

    // The grace has passed for the first at least.
    const first = JSON.parse((await hub.hub('collect', '--age', '1s', '--dry-run', '--json')).stdout);
    expect(first).toMatchObject({ dryRun: true, removed: [], files: 0 });
    expect(first.retired).toContain('week-1');
    await expect
      .poll(async () => JSON.parse((await hub.hub('collect', '--age', '1h', '--dry-run', '--json')).stdout).retired, {
        timeout: 90_000,
      })
      .toEqual(expect.toSatisfy((names: string[]) => names.toSorted().join() === 'week-1,week-2'));
    expect(await hub.hub('collect', '--age', '1h')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^week-[12] was retired: it has outlived keep$/m),
    });
    expect((await hub.hub('snapshot', 'list')).stdout).toMatch(/week-1 \(retired\)/);
    expect((await hub.hub('snapshot', 'show', 'week-1')).stdout).toMatch(/^retired .*: it has outlived keep; /m);
    expect((await hub.blobs()).length).toBe(before);

    await expect
      .poll(async () => JSON.parse((await hub.hub('collect', '--age', '1s', '--json')).stdout).removed, {
        timeout: 90_000,
      })
      .toEqual(['week-1', 'week-2']);
    const { snapshots } = JSON.parse((await hub.hub('snapshot', 'list', '--json')).stdout);
    expect(snapshots.map(({ name }: { name: string }) => name)).toEqual(['week-3', 'week-4', 'week-5']);
    // Of each week one package, primary, filelists and repomd.xml.
    expect((await hub.blobs()).length).toBe(before - 8);
    expect(await hub.hub('rollback', 'prod')).toMatchObject({ stdout: 'prod points to week-3 (number 4)\n' });
  },
);
