import { afterAll, expect, test } from 'vitest';
import { dnfTools, freshDnf } from '../../support/dnf.ts';
import { LivePulp, livePulp } from '../../support/pulp/live.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { describeWith } from '../../support/tools.ts';
import { published, pulpPop, repositoryIn, section, worked } from './pulp-pop.ts';

describeWith([livePulp, ...dnfTools], 'a PoP that takes in full what Pulp has on demand', () => {
  const pulp = new LivePulp();
  afterAll(() => Promise.all([pulp.start('api'), pulp.start('content')]));

  test('holds every package, and installs them when Pulp is gone', async () => {
    await using directory = await temporaryDirectory();
    const overrides = [{ path: 'edge/lazy', policy: 'full' }];
    await using pop = await pulpPop(pulp, { select: 'pop=edge', overrides, subscription: { refresh: '1h' } });
    await published(pop, 'edge/lazy', 'edge/base');
    const status = await pop.until((now) => {
      const lazy = repositoryIn(now, 'edge/lazy')?.packages;
      return lazy !== undefined && lazy.listed > 0 && lazy.held === lazy.listed;
    });
    // Its neighbour stays on demand: it holds only what the two have in common.
    const neighbour = repositoryIn(status, 'edge/base')?.packages;
    expect(neighbour?.held).toBeLessThan(neighbour?.listed ?? 0);
    await Promise.all([pulp.stop('api'), pulp.stop('content')]);
    await pop.kill();
    await pop.launch();
    const dnf = await freshDnf(directory.path, [section(pop, 'edge/lazy')]);
    worked(await dnf.install('edge-far'), pop);
  });
});
