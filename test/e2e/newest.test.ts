import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { succeed } from '../support/command.ts';
import { dnfTools, freshDnf } from '../support/dnf.ts';
import type { Dnf } from '../support/dnf.ts';
import { FaultyOrigin, Gate, hang } from '../support/faulty-origin.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';
import { repositoryTools, signedRepository } from '../support/rpm-repository.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, tool } from '../support/tools.ts';

/** In the order of rpm, oldest first; by text it would be another. */
const versions = ['1.9', '1.10~rc1', '1.10', '1.10^git1'];
const newest = versions.slice(-2);
const app = versions.map((version) => ({ name: 'newest-app', version, requires: ['newest-library'] }));
/** Of growing size; the largest is named by a security advisory. */
const others = Array.from({ length: 11 }, (_, index) => ({
  name: `newest-sized${index}`,
  bytes: 20_000 * (index + 1),
}));
const urgent = 'newest-sized10-1.0-1.noarch.rpm';
/** Transfers that are under way at a time: fewer than there are packages. */
const slots = 8;

const fileOf = (version: string): string => `newest-app-${version}-1.noarch.rpm`;
const urlOf = (version: string): string => `/content/r/${encodeURIComponent(fileOf(version))}`;

const advisories = `<?xml version="1.0" encoding="UTF-8"?>
<updates>
  <update from="security@example.com" status="final" type="security" version="1">
    <id>EXAMPLE-2026:1</id><title>An important fix</title><issued date="2026-01-01 00:00:00"/>
    <severity>Important</severity><description>A fix</description>
    <pkglist><collection short="r"><name>r</name>
      <package name="newest-sized10" version="1.0" release="1" epoch="0" arch="noarch" src="newest-sized10-1.0-1.src.rpm">
        <filename>${urgent}</filename>
      </package>
    </collection></pkglist>
  </update>
</updates>
`;

describeWith([...repositoryTools, ...dnfTools, tool('modifyrepo_c')], 'policy newest:2 with real packages', () => {
  let directory: TemporaryDirectory;
  let origin: FaultyOrigin;
  let pop: Pop;
  let key: string;
  beforeAll(async () => {
    directory = await temporaryDirectory();
    const folder = join(directory.path, 'origin', 'r');
    const packages = [...app, { name: 'newest-library' }, ...others];
    ({ key } = await signedRepository(folder, { packages, signedMetadata: false }));
    await writeFile(join(directory.path, 'updateinfo.xml'), advisories);
    await succeed('modifyrepo_c', [join(directory.path, 'updateinfo.xml'), join(folder, 'repodata')]);
    await writeFile(join(directory.path, 'key.asc'), key);
    origin = await FaultyOrigin.start({ directory: join(directory.path, 'origin') });
  });
  afterAll(async () => {
    await pop?.[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  const configured = (policy: string): Readonly<Record<string, unknown>> => ({
    transfers: { perHub: slots, total: slots },
    subscriptions: [
      {
        name: 'vendor',
        hub: { type: 'yum' },
        refresh: '1h',
        policy,
        repositories: [{ path: 'r', url: `${origin.url}r/` }],
      },
    ],
  });
  const fetched = (): string[] =>
    origin.requests
      .map(({ path }) => decodeURIComponent(path))
      .filter((path) => path.endsWith('.rpm'))
      .map((path) => path.slice('/r/'.length));
  const dnf = (): Promise<Dnf> =>
    freshDnf(directory.path, [
      {
        id: 'r',
        baseurl: `${pop.content}/content/r/`,
        gpgkey: `file://${directory.path}/key.asc`,
        options: { repo_gpgcheck: '0' },
      },
    ]);

  test('what a security advisory names is asked for first, with the smallest of the others', async () => {
    const gate = new Gate();
    const rule = origin.on(/\.rpm$/, hang(gate));
    pop = await Pop.start({ config: configured('newest:2') });
    while (fetched().length < slots) await setTimeout(20);
    const first = fetched();
    const sizes = new Map(
      await Promise.all(
        (await readdir(join(directory.path, 'origin', 'r')))
          .filter((name) => name.endsWith('.rpm'))
          .map(
            async (name) =>
              [name, (await succeed('stat', ['-c', '%s', join(directory.path, 'origin', 'r', name)])).trim()] as const,
          ),
      ),
    );
    const wanted = [...sizes.keys()].filter(
      (name) => !name.startsWith('newest-app') || newest.some((version) => fileOf(version) === name),
    );
    const smallest = wanted
      .filter((name) => name !== urgent)
      .toSorted((one, other) => Number(sizes.get(one)) - Number(sizes.get(other)))
      .slice(0, slots - 1);
    expect(first.toSorted()).toEqual([urgent, ...smallest].toSorted());
    rule.remove();
    gate.open();
    expect((await pop.run('sync', '--wait')).code).toBe(0);
  });

  test('the newest two of each are held, and status says by which policy', async () => {
    const status = (await pop.status()).subscriptions[0];
    expect(status).toMatchObject({ policy: 'newest:2', sync: { kind: 'newest:2' } });
    expect(status?.repositories[0]).toMatchObject({
      state: 'current',
      packages: { listed: 16, held: 14 },
    });
    for (const version of newest) expect((await download(pop.content, urlOf(version))).word).toBe('hit');
    expect(
      fetched()
        .filter((name) => name.startsWith('newest-app'))
        .toSorted(),
    ).toEqual(newest.map(fileOf).toSorted());
  });

  test('an older one comes when dnf asks for it', async () => {
    const client = await dnf();
    expect(await client.install('newest-app-1.10~rc1')).toMatchObject({ code: 0 });
    expect(fetched()).toContain(fileOf('1.10~rc1'));
  });

  test('without the upstream dnf installs the newest; what was never asked for is 504', async () => {
    await origin.stop();
    const client = await dnf();
    const installed = await client.install('newest-app');
    expect(installed).toMatchObject({ code: 0 });
    const file = join(client.installroot, 'usr/share/fixtures/newest-app/version');
    expect(await readFile(file, 'utf8')).toBe('newest-app 1.10^git1-1\n');
    expect(await (await dnf()).install('newest-app-1.10')).toMatchObject({ code: 0 });
    expect((await (await dnf()).install('newest-app-1.9')).code).not.toBe(0);
    expect((await download(pop.content, urlOf('1.9'))).status).toBe(504);
    expect((await download(pop.content, urlOf('1.10~rc1'))).word).toBe('hit');
  });
});
