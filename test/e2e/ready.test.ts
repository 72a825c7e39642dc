import { readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import type { CommandResult } from '../support/command.ts';
import { dnfTools, freshDnf } from '../support/dnf.ts';
import type { Dnf } from '../support/dnf.ts';
import { FaultyOrigin, status } from '../support/faulty-origin.ts';
import { download } from '../support/http-download.ts';
import { Pop, waystationIn } from '../support/pop.ts';
import type { PopOptions } from '../support/pop.ts';
import { repositoryTools, signedRepository } from '../support/rpm-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith } from '../support/tools.ts';
import type { ReadyReport } from '../../sync/readiness/report.ts';
import type { RunStatus } from '../../base/status.ts';

const packages = {
  os: [
    { name: 'ready-base' },
    { name: 'ready-library', version: '2.0', requires: ['ready-base'] },
    { name: 'ready-unrelated', bytes: 5000 },
  ],
  apps: [
    { name: 'ready-app', version: '1.0', requires: ['ready-library >= 2.0'] },
    { name: 'ready-app', version: '1.1', epoch: 1, requires: ['ready-library >= 2.0', 'ready-base'] },
    { name: 'ready-broken', requires: ['ready-nowhere'] },
  ],
};

interface Site extends AsyncDisposable {
  readonly pop: Pop;
  readonly origin: FaultyOrigin;
  /** A dnf of a host that has nothing. */
  host(): Promise<Dnf>;
}

/** Two repositories, one of which needs the other, behind a PoP that has their metadata. */
async function site(policy: string, more: Partial<PopOptions> = {}): Promise<Site> {
  const directory = await temporaryDirectory();
  const { key } = await signedRepository(join(directory.path, 'origin/os'), { packages: packages.os });
  await signedRepository(join(directory.path, 'origin/apps'), { packages: packages.apps });
  await writeFile(join(directory.path, 'key.asc'), key);
  const origin = await FaultyOrigin.start({ directory: join(directory.path, 'origin') });
  const repositories = ['os', 'apps'].map((path) => ({ path, url: `${origin.url}${path}/`, gpgKey: 'key.asc' }));
  const subscriptions = [{ name: 'vendor', hub: { type: 'yum' }, refresh: '1h', policy, repositories }];
  const pop = await Pop.prepare({ files: { 'key.asc': key }, ...more, config: { subscriptions, ...more.config } });
  return {
    pop,
    origin,
    host: () =>
      freshDnf(
        directory.path,
        repositories.map(({ path }) => ({
          id: path,
          baseurl: `${pop.content}/content/${path}/`,
          gpgkey: `file://${join(directory.path, 'key.asc')}`,
        })),
      ),
    [Symbol.asyncDispose]: async () => {
      await pop[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function reportIn({ stdout }: CommandResult): ReadyReport & { readonly fetched?: readonly RunStatus[] } {
  return JSON.parse(stdout) as ReadyReport;
}

const named = ({ missing }: ReadyReport): readonly string[] =>
  missing.files.map(({ nevra }) => nevra ?? '-').toSorted();

/** A check asks dnf, and a command is a process of its own: time for a machine with much else to do. */
const patience = { timeout: 300_000 };

describeWith([...repositoryTools, ...dnfTools], 'offline readiness, with a real solver and a real dnf', () => {
  test(
    'what is called ready installs with the upstream dead, what is called missing is what fails',
    patience,
    async () => {
      await using place = await site('on-demand');
      const { pop, origin } = place;
      await pop.launch();
      await pop.published();
      const before = await pop.run('ready', '--packages', 'ready-app', '--json');
      expect([before.code, before.stderr]).toEqual([1, '']);
      const report = reportIn(before);
      expect(named(report)).toEqual([
        'ready-app-1:1.1-1.noarch',
        'ready-base-1.0-1.noarch',
        'ready-library-2.0-1.noarch',
      ]);
      expect(report.needs).toMatchObject({ packages: { needed: 3, held: 0 }, unknown: [], problems: [] });
      expect(report.missing.files[0]).toMatchObject({ subscription: 'vendor', because: 'needed' });
      for (const { path, bytes } of report.missing.files) {
        const { headers } = await download(pop.content, `/content/${path}`, { method: 'HEAD' });
        expect([path, Number(headers['content-length'])]).toEqual([path, bytes]);
      }
      expect(report.missing.bytes).toBe(report.missing.files.reduce((sum, { bytes }) => sum + bytes, 0));
      // Looking fetched nothing.
      expect(origin.requests.filter(({ path }) => path.endsWith('.rpm'))).toEqual([]);

      const fetched = await pop.run('ready', '--packages', 'ready-app', '--fetch', '--json');
      expect([fetched.code, fetched.stderr]).toEqual([0, '']);
      expect(reportIn(fetched)).toMatchObject({ ready: true, missing: { count: 0 }, fetched: [{ state: 'done' }] });
      const run = (await pop.runs()).find(({ kind }) => kind === 'ready');
      expect(run).toMatchObject({ state: 'done', phases: [{ name: 'packages', done: 3, total: 3 }] });
      const asked = origin.requests.map(({ path }) => basename(path)).filter((path) => path.endsWith('.rpm'));
      expect(asked.toSorted()).toEqual(report.missing.files.map(({ path }) => basename(path)).toSorted());

      await origin[Symbol.asyncDispose]();
      const host = await place.host();
      expect((await host.install('ready-app')).code).toBe(0);
      expect((await host.install('ready-unrelated')).code).not.toBe(0);
    },
  );

  test(
    'a text for people names what is missing, unknown and unsolvable, and what could not be fetched',
    patience,
    async () => {
      await using place = await site('on-demand');
      const { pop, origin } = place;
      await pop.launch();
      await pop.published();
      await origin[Symbol.asyncDispose]();
      const text = await pop.run('ready', '--packages', 'ready-unrelated', 'ready-broken', 'ready-typo', '--fetch');
      expect(text.code).toBe(1);
      expect(text.stdout).toContain('ready-unrelated-1.0-1.noarch');
      expect(text.stdout).toContain('nothing is called ready-typo');
      expect(text.stdout).toMatch(/nothing provides ready-nowhere/);
      expect(text.stderr).toMatch(/os\/ready-unrelated-1\.0-1\.noarch\.rpm: upstream_/);
    },
  );

  const list = '# of a host\n\nready-app-1.0-1.noarch\nready-library-2.0-1.noarch\nours-3-1.x86_64\n';
  const ofHost = [
    'ready-app-1.0-1.noarch',
    'ready-app-1:1.1-1.noarch',
    'ready-base-1.0-1.noarch',
    'ready-library-2.0-1.noarch',
  ];

  test('a host is ready when its upgrade, and what it has, are held', patience, async () => {
    await using place = await site('on-demand');
    const { pop, origin } = place;
    await pop.launch();
    await pop.published();
    await pop.file('host.txt', list);
    const file = join(pop.configFile, '..', 'host.txt');
    const looked = await pop.run('ready', 'vendor', '--host', file, '--json');
    expect([looked.code, looked.stderr]).toEqual([1, '']);
    expect(named(reportIn(looked))).toEqual(ofHost);
    expect(reportIn(looked).needs).toMatchObject({
      arch: 'x86_64',
      installed: { listed: 3, elsewhere: ['ours-3-1.x86_64'] },
    });
    expect((await pop.run('ready', '--host', file, '--fetch')).code).toBe(0);
    // Its upgrade, as dnf makes it, with nothing but what is held.
    await origin[Symbol.asyncDispose]();
    const host = await place.host();
    expect((await host.install('ready-app-1.0')).code).toBe(0);
    const upgrade = await host.run(`--installroot=${host.installroot}`, 'upgrade');
    expect([upgrade.code, upgrade.stdout]).toEqual([0, expect.stringContaining('ready-app-1:1.1-1.noarch')]);
  });

  test(
    'without the service it is told from the state directory, and said why nothing can be fetched',
    patience,
    async () => {
      await using place = await site('on-demand');
      const { pop } = place;
      await pop.launch();
      await pop.published();
      await pop.file('host.txt', list);
      const file = join(pop.configFile, '..', 'host.txt');
      await pop.stop();
      const refused = await pop.run('ready', '--host', file, '--fetch', '--json');
      expect([refused.code, refused.stderr]).toEqual([69, expect.stringContaining('nothing can be fetched')]);
      expect(named(reportIn(refused))).toEqual(ofHost);
      expect(reportIn(refused).subscriptions[0]?.checked).not.toBeNull();
      const unsolved = await waystationIn(
        { PATH: '/nonexistent' },
        'ready',
        '--host',
        file,
        '--config',
        pop.configFile,
      );
      expect([unsolved.code, unsolved.stderr]).toEqual([1, expect.stringContaining('no dependency solver was found')]);
      // What needs no solver is told without one.
      const bare = await waystationIn({ PATH: '/nonexistent' }, 'ready', '--config', pop.configFile);
      expect([bare.code, bare.stdout]).toEqual([0, expect.stringContaining('ready: all of it is held')]);
    },
  );

  test('without a question it is the policy that counts, and the metadata of every repository', patience, async () => {
    await using place = await site('full');
    const { pop, origin } = place;
    const refusing = origin.on(/ready-unrelated/, status(503));
    await pop.launch();
    await pop.published();
    await pop.looked();
    const lacking = await pop.run('ready', '--json');
    expect(lacking.code).toBe(1);
    const path = 'os/ready-unrelated-1.0-1.noarch.rpm';
    expect(reportIn(lacking)).toMatchObject({
      ready: false,
      missing: { count: 1, files: [{ path, nevra: 'ready-unrelated-1.0-1.noarch', because: 'policy' }] },
      subscriptions: [
        {
          ready: false,
          repositories: [
            { path: 'apps', state: 'ready', promised: { listed: 3, held: 3 }, key: 'configured' },
            { path: 'os', state: 'lacking', promised: { listed: 3, held: 2 } },
          ],
        },
      ],
    });
    const counted = (await (await fetch(`${pop.admin}/api/v1/ready?subscription=vendor`)).json()) as ReadyReport;
    expect(counted).toMatchObject({ ready: false, missing: { count: 1, files: [] } });
    const metrics = await pop.metrics();
    expect(metrics.get('packages_listed{subscription="vendor",repository="os"}')).toBe(3);
    expect(metrics.get('packages_held{subscription="vendor",repository="os"}')).toBe(2);
    expect((await pop.run('ready', '--repository', 'app*')).code).toBe(0);
    expect((await pop.run('ready', '--repository', 'nosuch')).code).toBe(2);
    expect((await pop.run('ready', 'nosuch')).code).toBe(2);
    refusing.remove();
    expect((await pop.run('ready', '--fetch')).code).toBe(0);
  });

  test(
    'metadata that somebody removed is missed, and fetched again before anything is resolved',
    patience,
    async () => {
      await using place = await site('on-demand');
      const { pop } = place;
      await pop.launch();
      await pop.published();
      const removed = await removeRecord(pop, 'apps');
      const broken = await pop.run('ready', '--packages', 'ready-app', '--json');
      expect(broken.code).toBe(1);
      expect(reportIn(broken)).toMatchObject({
        missing: { count: 1, files: [{ path: `apps/${removed}`, nevra: null, because: 'metadata' }] },
        needs: { solver: null, problems: ['metadata is missing, so nothing can be resolved'] },
      });
      const mended = await pop.run('ready', '--packages', 'ready-app', '--fetch', '--json');
      expect([mended.code, reportIn(mended).needs?.packages]).toEqual([0, { needed: 3, held: 3 }]);
      expect(reportIn(mended).fetched).toHaveLength(2);
    },
  );
});

/** Removes the blob of a repository's filelists. @returns its href. */
async function removeRecord(pop: Pop, repository: string): Promise<string> {
  const repomd = (await download(pop.content, `/content/${repository}/repodata/repomd.xml`)).body.toString();
  const href = /repodata\/[0-9a-f]+-filelists\.xml\.[a-z]+/.exec(repomd)?.[0] ?? '';
  const hex = basename(href).split('-')[0] ?? '';
  const folder = join(pop.state, 'blobs/open/sha256', hex.slice(0, 2));
  const file = (await readdir(folder)).find((name) => name.startsWith(hex));
  await rm(join(folder, file ?? ''));
  return href;
}
