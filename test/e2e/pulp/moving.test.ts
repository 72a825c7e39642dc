import { createHash } from 'node:crypto';
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { RunStatus } from '../../../base/status.ts';
import { dnfTools, freshDnf } from '../../support/dnf.ts';
import { Gate } from '../../support/faulty-origin-gate.ts';
import { ForwardProxy } from '../../support/forward-proxy.ts';
import { download } from '../../support/http-download.ts';
import type { Pop } from '../../support/pop.ts';
import { LivePulp, livePulp } from '../../support/pulp/live.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { describeWith } from '../../support/tools.ts';
import { published, pulpPop, repositoryIn, repositoryIs, section, worked } from './pulp-pop.ts';
import { slowPackages } from './slow-packages.ts';

const crates = Array.from({ length: 14 }, (_, index) => ({
  name: `crate-${String(index).padStart(2, '0')}`,
  bytes: 40_000 + index * 1000,
}));

/** It has ended, and could not have a package. */
function lacksPackages({ state, failures }: RunStatus): boolean {
  return state === 'failed' && failures.some(({ path }) => path.endsWith('.rpm'));
}

describeWith([livePulp, ...dnfTools], 'a full sync of a Pulp', () => {
  let pulp: LivePulp;
  beforeAll(() => {
    pulp = new LivePulp();
  });
  afterEach(async () => {
    await Promise.all([pulp.start('api'), pulp.start('content')]);
  });

  /** Follows the label in full, through the proxy, by fewer transfers at a time than there are packages. */
  const full = (label: string, proxy: ForwardProxy): Promise<Pop> =>
    pulpPop(pulp, {
      select: `suite=${label}`,
      hub: { proxy: proxy.url },
      subscription: { policy: 'full' },
      config: { transfers: { perHub: 8, total: 8 } },
    });
  /** Lets so many packages through; the others come very slowly until the gate opens. */
  const after = (count: number, gate: Gate): Promise<ForwardProxy> => {
    let passed = 0;
    return ForwardProxy.start(slowPackages(() => (passed++ < count ? null : gate)));
  };
  const fetched = (proxy: ForwardProxy): string[] =>
    proxy.answers.flatMap(({ url, status }) => (url.endsWith('.rpm') && status < 300 ? [url] : []));
  const file = (name: string, version = '1.0'): string => `Packages/c/${name}-${version}-1.noarch.rpm`;

  test('that moves meanwhile ends with what it shows last, every package fetched once', async () => {
    await using directory = await temporaryDirectory();
    const repository = await pulp.repository('stream', crates.slice(0, 6));
    await pulp.distribution('stream', { repository: repository.pulp_href, pulp_labels: { suite: 'stream' } });
    const gate = new Gate();
    await using proxy = await after(2, gate);
    await using pop = await full('stream', proxy);
    await repositoryIs(pop, 'stream', (now) => (now?.packages.held ?? 0) >= 2);
    for (const version of ['1.1', '1.2']) await pulp.publish(repository.pulp_href, [{ name: 'crate-00', version }]);
    expect(repositoryIn(await pop.status(), 'stream')?.packages.held).toBe(2);
    gate.open();
    const repomd = await (await fetch(`${pulp.contentUrl('stream')}repodata/repomd.xml`)).bytes();
    const shown = `sha256:${createHash('sha256').update(repomd).digest('hex')}`;
    await repositoryIs(pop, 'stream', (now) => now?.repomd === shown && now.state === 'current');
    expect(repositoryIn(await pop.status(), 'stream')?.packages).toEqual({ listed: 8, held: 8, unservable: 0 });
    expect(fetched(proxy).toSorted()).toEqual([...new Set(fetched(proxy))].toSorted());
    expect(fetched(proxy)).toHaveLength(8);
    const dnf = await freshDnf(directory.path, [section(pop, 'stream')]);
    expect(worked(await dnf.repoquery('crate-00'), pop)).toContain('crate-00-0:1.2-1.noarch');
    worked(await dnf.install('crate-00', 'crate-05'), pop);
  });

  test('whose publication is deleted under it keeps what it has, says what is missing, and goes on with the next', async () => {
    await using directory = await temporaryDirectory();
    const repository = await pulp.repository('doomed', crates);
    const { pulp_href: publication } = await pulp.publication(repository.pulp_href);
    const fields = { publication, pulp_labels: { suite: 'doomed' } };
    const { pulp_href: distribution } = await pulp.distribution('doomed', fields);
    const gate = new Gate();
    await using proxy = await after(2, gate);
    await using pop = await full('doomed', proxy);
    await repositoryIs(pop, 'doomed', (now) => (now?.packages.held ?? 0) >= 2);
    await pulp.rest.delete(publication);
    gate.open();
    // The hub's list says so at once; what is under way comes to its end all the same.
    while (!(await pop.runs()).some(lacksPackages)) await new Promise((resolve) => setTimeout(resolve, 50));
    const status = await repositoryIs(pop, 'doomed', (now) => now?.state === 'behind');
    const had = fetched(proxy);
    expect(repositoryIn(status, 'doomed')?.packages).toMatchObject({ listed: 14, held: had.length });
    const missing = crates.filter(({ name }) => !had.some((url) => url.endsWith(file(name))));
    expect(missing.length).toBeGreaterThan(0);
    const gone = await download(pop.content, `/content/doomed/${file(missing[0]?.name ?? '')}`);
    expect(gone.status).toBe(504);
    const dnf = await freshDnf(directory.path, [section(pop, 'doomed')]);
    worked(await dnf.download('crate-00'), pop);

    await pulp.publish(repository.pulp_href, [{ name: 'crate-00', version: '1.1' }]);
    const next = await pulp.publication(repository.pulp_href);
    await pulp.rest.patch(distribution, { publication: next.pulp_href });
    await repositoryIs(pop, 'doomed', (now) => now?.state === 'current' && now.packages.held === 15);
    // Nothing that was held came again.
    expect(fetched(proxy)).toHaveLength(15);
    expect(new Set(fetched(proxy)).size).toBe(15);
    worked(await dnf.run('--refresh', 'download', `--destdir=${dnf.downloads}`, 'crate-00-1.1', 'crate-13'), pop);
  });

  test('that stops in the midst of it goes on when it is back, with what is missing', async () => {
    await using directory = await temporaryDirectory();
    const repository = await pulp.repository('pausing', crates);
    await pulp.distribution('pausing', { repository: repository.pulp_href, pulp_labels: { suite: 'pausing' } });
    const gate = new Gate();
    await using proxy = await after(3, gate);
    await using pop = await full('pausing', proxy);
    await repositoryIs(pop, 'pausing', (now) => (now?.packages.held ?? 0) >= 3);
    await Promise.all([pulp.stop('api'), pulp.stop('content')]);
    await pop.until(({ state }) => state === 'disconnected');
    const before = fetched(proxy);
    const dnf = await freshDnf(directory.path, [section(pop, 'pausing')]);
    worked(await dnf.download('crate-00', 'crate-01', 'crate-02'), pop);

    gate.open();
    await Promise.all([pulp.start('api'), pulp.start('content')]);
    await repositoryIs(pop, 'pausing', (now) => now?.state === 'current' && now.packages.held === 14);
    // What was held came once; what was cut has been asked for again.
    const again = fetched(proxy).slice(before.length);
    for (const url of before.slice(0, 3)) expect(again).not.toContain(url);
    worked(await dnf.download('crate-13'), pop);
  });

  test('is rolled back, stays there while Pulp goes on, and is released: dnf follows each time', async () => {
    await using directory = await temporaryDirectory();
    const repository = await pulp.repository('returning', [{ name: 'crate-00' }]);
    await pulp.distribution('returning', { repository: repository.pulp_href, pulp_labels: { suite: 'returning' } });
    await using proxy = await ForwardProxy.start();
    await using pop = await full('returning', proxy);
    await published(pop, 'returning');
    const dnf = await freshDnf(directory.path, [section(pop, 'returning')]);
    const versions = async (): Promise<string[]> => {
      const shown = worked(await dnf.run('--quiet', '--refresh', 'repoquery', 'crate-00'), pop);
      return [...shown.matchAll(/^crate-00-0:([\d.]+)-1\.noarch$/gm)].map(([, version = '']) => version).toSorted();
    };
    const listed = (count: number): Promise<unknown> =>
      repositoryIs(pop, 'returning', (now) => now?.state === 'current' && now.packages.held === count);
    await listed(1);
    await pulp.publish(repository.pulp_href, [{ name: 'crate-00', version: '1.1' }]);
    await listed(2);
    expect(await versions()).toEqual(['1.0', '1.1']);

    expect(await pop.run('rollback', 'corp')).toMatchObject({ code: 0 });
    expect(await versions()).toEqual(['1.0']);
    const rolled = (await pop.status()).subscriptions[0]?.rolledBack?.newest;
    await pulp.publish(repository.pulp_href, [{ name: 'crate-00', version: '1.2' }]);
    await pop.until(({ subscriptions }) => subscriptions[0]?.rolledBack?.newest !== rolled);
    expect(await versions()).toEqual(['1.0']);
    worked(await dnf.install('crate-00'), pop);

    expect(await pop.run('release', 'corp')).toMatchObject({ code: 0 });
    expect(await versions()).toEqual(['1.0', '1.1', '1.2']);
    worked(await dnf.run(`--installroot=${dnf.installroot}`, '--refresh', 'install', 'crate-00-1.2'), pop);
  });
});
