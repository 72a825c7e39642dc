import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dnfTools, freshDnf } from '../../support/dnf.ts';
import { followingPop } from '../../support/following-pop.ts';
import { HubProcess } from '../../support/hub-process.ts';
import { Pop } from '../../support/pop.ts';
import { LivePulp, livePulp } from '../../support/pulp/live.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { describeWith } from '../../support/tools.ts';
import { section, worked } from './pulp-pop.ts';

/** Pulp publishes, a hub makes snapshots of it, a PoP that never talks to Pulp follows, and dnf installs. */
describeWith([livePulp, ...dnfTools], 'a PoP behind a hub that takes its snapshots from Pulp', () => {
  test('serves what Pulp published when the snapshot was made, and the next one when the channel says so', async () => {
    await using directory = await temporaryDirectory();
    const pulp = new LivePulp();
    const labels = { pulp_labels: { suite: 'hubbed' } };
    const repository = await pulp.repository('hubbed', [{ name: 'edge-hello' }, { name: 'edge-ten' }]);
    await pulp.distribution('hubbed', { repository: repository.pulp_href, ...labels });
    const lazy = await pulp.lazyRepository('hubbed-lazy', [{ name: 'edge-lazy', bytes: 200_000 }]);
    await pulp.distribution('hubbed-lazy', { repository: lazy.pulp_href, ...labels });

    await using hub = await HubProcess.start();
    const done = async (...words: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await hub.run(...words);
      expect([words[0], code, stderr]).toEqual([words[0], 0, stderr]);
      return stdout;
    };
    const { reader } = pulp.address.seeded;
    await writeFile(join(directory.path, 'password'), reader.password);
    const sources = async (policy: string): Promise<string> => {
      const file = join(directory.path, `${policy}.yaml`);
      const access = { username: reader.username, passwordFile: 'password' };
      const source = { type: 'pulp', url: pulp.address.apiOrigin, select: 'suite=hubbed', ...access };
      await writeFile(file, JSON.stringify({ policy, repositories: [source] }));
      return file;
    };
    await done('snapshot', 'create', 'week-1', '--from', await sources('full'));
    await done('promote', 'prod', 'week-1');
    await using pop = await Pop.start(followingPop(hub, { token: await done('token', 'create') }));
    const serves = (snapshot: string): Promise<unknown> =>
      pop.until(({ subscriptions: [site] }) => site?.snapshot === snapshot && site.sync.state === 'idle');
    await serves('week-1');
    const repositories = ['hubbed', 'hubbed-lazy'].map((path) => section(pop, path));
    const dnf = await freshDnf(directory.path, repositories);
    worked(await dnf.download('edge-hello', 'edge-lazy'), pop);
    worked(await dnf.install('edge-ten', '--nogpgcheck'), pop);

    await pulp.publish(repository.pulp_href, [{ name: 'edge-hello', version: '1.1' }]);
    await done('snapshot', 'create', 'week-2', '--from', await sources('metadata-only'));
    const hello = async (): Promise<string> =>
      worked(await dnf.run('--refresh', '--quiet', 'repoquery', '--latest-limit=1', 'edge-hello'), pop);
    expect(await hello()).toContain('1.0');
    await done('promote', 'prod', 'week-2');
    await serves('week-2');
    expect(await hello()).toContain('1.1');
    // The hub has what lists it, and has it brought from Pulp for the one who asks.
    worked(await dnf.download('edge-hello-1.1'), pop);
    await done('rollback', 'prod');
    await serves('week-1');
    expect(await hello()).toContain('1.0');
  });
});
