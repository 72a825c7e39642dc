import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dnfTools, freshDnf } from '../../support/dnf.ts';
import type { Dnf } from '../../support/dnf.ts';
import { followingPop } from '../../support/following-pop.ts';
import { HubProcess } from '../../support/hub-process.ts';
import { Pop } from '../../support/pop.ts';
import { LivePulp, livePulp } from '../../support/pulp/live.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { describeWith } from '../../support/tools.ts';
import { section, worked } from './pulp-pop.ts';

/** Pulp publishes, a hub makes snapshots of it, PoPs that never talk to Pulp follow, and dnf installs from each. */
describeWith([livePulp, ...dnfTools], 'three PoPs behind a hub that takes its snapshots from Pulp', () => {
  test('serve what Pulp published when the snapshot was made, and the next one when the channel says so', async () => {
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
    await using processes = new AsyncDisposableStack();
    const token = await done('token', 'create', '--uses', '3');
    const sites: { readonly pop: Pop; readonly dnf: Dnf }[] = [];
    for (const name of ['lyon', 'metz', 'nice']) {
      const pop = processes.use(await Pop.start(followingPop(hub, { token, name })));
      const repositories = ['hubbed', 'hubbed-lazy'].map((path) => section(pop, path));
      await mkdir(join(directory.path, name));
      sites.push({ pop, dnf: await freshDnf(join(directory.path, name), repositories) });
    }
    const serve = async (snapshot: string): Promise<void> => {
      for (const { pop } of sites) {
        await pop.until(({ subscriptions: [site] }) => site?.snapshot === snapshot && site.sync.state === 'idle');
      }
    };
    const hellos = async (): Promise<string[]> => {
      const found: string[] = [];
      for (const { pop, dnf } of sites) {
        const asked = ['--refresh', '--quiet', 'repoquery', '--latest-limit=1', '--qf=%{version}', 'edge-hello'];
        found.push(worked(await dnf.run(...asked), pop).trim());
      }
      return found;
    };
    await serve('week-1');
    for (const { pop, dnf } of sites) {
      worked(await dnf.download('edge-hello', 'edge-lazy'), pop);
      worked(await dnf.install('edge-ten', '--nogpgcheck'), pop);
    }

    await pulp.publish(repository.pulp_href, [{ name: 'edge-hello', version: '1.1' }]);
    await done('snapshot', 'create', 'week-2', '--from', await sources('metadata-only'));
    expect(await hellos()).toEqual(['1.0', '1.0', '1.0']);
    await done('promote', 'prod', 'week-2');
    await serve('week-2');
    expect(await hellos()).toEqual(['1.1', '1.1', '1.1']);
    // The hub has what lists it, and has it brought from Pulp for those who ask.
    for (const { pop, dnf } of sites) worked(await dnf.download('edge-hello-1.1'), pop);
    await done('rollback', 'prod');
    await serve('week-1');
    expect(await hellos()).toEqual(['1.0', '1.0', '1.0']);
  });
});
