import { describe, expect, test } from 'vitest';
import type { WantedRepository } from '../../mirror/discovery.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { hang } from '../support/faulty-origin-lies.ts';
import { nevraOfFile, putRepository } from '../support/hand-made-repository.ts';
import { Bench, ListingHub, repositoryOf, statusOf, synced } from './bench.ts';

const full = () => 'full' as const;

/** How many of the origin's requests were for packages. */
function fetched(bench: Bench): string[] {
  return bench.origin.requests.map(({ path }) => path).filter((path) => path.endsWith('.rpm'));
}

test('policy full fetches every package once, and none again when nothing changed', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one', 'p/two.rpm': 'two', 'p/empty.rpm': '' } });
  const set = await bench.run({ hub: bench.yum(['a']), policy: 'full', policyOf: full });
  expect(fetched(bench).toSorted()).toEqual(expect.arrayContaining(['/a/p/one.rpm', '/a/p/two.rpm']));
  const before = fetched(bench).length;
  const run = await synced(set);
  expect(run.state).toBe('done');
  expect(run.kind).toBe('full');
  expect(run.phases.find(({ name }) => name === 'packages')).toMatchObject({
    done: 3,
    total: 3,
    bytes: 6,
    totalBytes: 6,
  });
  expect(fetched(bench).length).toBe(before);
});

test('a package that cannot be had is named in the run, and the others are fetched all the same', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one', 'p/lost.rpm': 'lost', 'p/two.rpm': 'two' } });
  bench.origin.remove('a/p/lost.rpm');
  const set = await bench.run({ hub: bench.yum(['a']), policy: 'full', policyOf: full });
  const run = set.runs()[0];
  expect(run?.state).toBe('failed');
  expect(run?.failures.map(({ path, code }) => [path, code])).toContainEqual(['a/p/lost.rpm', 'upstream_missing']);
  // Its first generation is served at once, and status says what is wrong with it.
  expect(bench.store.current('vendor')?.repositories['a']).toBeDefined();
  expect(await repositoryOf(set, 'a')).toMatchObject({
    state: 'behind',
    reason: expect.stringContaining('1 of 3 packages are missing'),
  });
  expect(new Set(fetched(bench))).toContain('/a/p/two.rpm');
});

test('a later generation is published only when all of its packages are held', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one' } });
  const set = await bench.run({ hub: bench.yum(['a']), policy: 'full', policyOf: full });
  const first = bench.store.current('vendor')?.id;
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one', 'p/two.rpm': 'two' } });
  bench.origin.remove('a/p/two.rpm');
  expect((await synced(set)).state).toBe('failed');
  expect(bench.store.current('vendor')?.id).toBe(first);
  bench.origin.put('a/p/two.rpm', Buffer.from('two'));
  expect((await synced(set)).state).toBe('done');
  expect(bench.store.current('vendor')?.id).not.toBe(first);
});

test('a run that was interrupted goes on with what is missing', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one', 'p/two.rpm': 'two' } });
  bench.origin.remove('a/p/two.rpm');
  const set = await bench.run({ hub: bench.yum(['a']), policy: 'full', policyOf: full });
  await set.stop();
  bench.origin.put('a/p/two.rpm', Buffer.from('two'));
  const ones = fetched(bench).filter((path) => path.endsWith('one.rpm')).length;
  const again = await bench.run({ hub: bench.yum(['a']), policy: 'full', policyOf: full });
  expect(again.runs()[0]?.state).toBe('done');
  expect(fetched(bench).filter((path) => path.endsWith('one.rpm')).length).toBe(ones);
});

test('the policy of a path may differ from its subscription', async () => {
  const bench = await Bench.start();
  putRepository(bench.origin, 'a', { packages: { 'p/one.rpm': 'one' } });
  putRepository(bench.origin, 'b', { packages: { 'p/two.rpm': 'two' } });
  await bench.run({ hub: bench.yum(['a', 'b']), policyOf: (path) => (path === 'b' ? 'full' : 'on-demand') });
  expect(fetched(bench)).toEqual(['/b/p/two.rpm']);
});

/** Packages by the names of their files; what is in them is as long as is said. */
function files(sizes: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(sizes).map(([name, size]) => [`p/${name}.rpm`, name.repeat(99).slice(0, size)]),
  );
}

/** An updateinfo.xml with one advisory. */
function advisory(type: string, file: string): string {
  const { name, version, release, arch } = nevraOfFile(file);
  const found = `<package name="${name}" version="${version}" release="${release}" epoch="0" arch="${arch}"/>`;
  return `<updates><update type="${type}"><id>A</id><pkglist><collection>${found}</collection></pkglist></update></updates>`;
}

const two = () => 'newest:2' as const;
const versions = files({
  'app-1.9-1.noarch': 40,
  'app-1.10-1.noarch': 30,
  'app-1.10~rc1-1.noarch': 20,
  'app-1.8-1.noarch': 10,
  'lib-1-1.x86_64': 25,
  'lib-1-1.src': 35,
});

/** The names of packages in the order in which the origin was asked for them, without path and ending. */
function order(bench: Bench): string[] {
  return fetched(bench).map((path) => path.slice(5, -4));
}

describe('policy newest:2', () => {
  test('fetches the newest two of each name and architecture, and nothing else', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', { packages: versions, nevra: nevraOfFile });
    const set = await bench.run({ hub: bench.yum(['a']), policy: 'newest:2', policyOf: two });
    const expected = ['app-1.10-1.noarch', 'app-1.10~rc1-1.noarch', 'lib-1-1.src', 'lib-1-1.x86_64'];
    expect(order(bench).toSorted()).toEqual(expected);
    expect((await repositoryOf(set, 'a')).state).toBe('current');
    const run = await synced(set);
    expect(run).toMatchObject({ state: 'done', kind: 'newest:2' });
    expect(fetched(bench)).toHaveLength(4);
    expect((await statusOf(set)).policy).toBe('newest:2');
  });

  test('counts in each module stream by itself', async () => {
    const bench = await Bench.start();
    const packages = files({ 'app-1-1.noarch': 9, 'app-2-1.noarch': 8, 'app-3-1.noarch': 7, 'app-4-1.noarch': 6 });
    const modules = [1, 2].map(
      (version) =>
        `---\ndocument: modulemd\ndata:\n  name: m\n  stream: old\n  artifacts:\n    rpms:\n    - app-0:${version}-1.noarch\n...\n`,
    );
    putRepository(bench.origin, 'a', { packages, nevra: nevraOfFile, texts: { modules: modules.join('') } });
    await bench.run({ hub: bench.yum(['a']), policyOf: () => 'newest:1' });
    expect(order(bench).toSorted()).toEqual(['app-2-1.noarch', 'app-4-1.noarch']);
  });

  test('takes packages for those of no module when modules.yaml is of no use', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', { packages: versions, nevra: nevraOfFile, texts: { modules: '\u0000---\n- [' } });
    await bench.run({ hub: bench.yum(['a']), policyOf: () => 'newest:1' });
    expect(order(bench).toSorted()).toEqual(['app-1.10-1.noarch', 'lib-1-1.src', 'lib-1-1.x86_64']);
  });

  test('fetches nothing but what is missing when the policy changes, in either direction', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', { packages: versions, nevra: nevraOfFile });
    const policies = ['newest:1', 'newest:2', 'newest:1', 'full', 'newest:999999', 'on-demand'] as const;
    const counts: number[] = [];
    for (const policy of policies) {
      const set = await bench.run({ hub: bench.yum(['a']), policy, policyOf: () => policy });
      expect(set.runs()[0]).toMatchObject({ state: 'done', kind: policy });
      counts.push(fetched(bench).length);
      await set.stop();
    }
    expect(counts).toEqual([3, 4, 4, 6, 6, 6]);
    expect(new Set(fetched(bench)).size).toBe(6);
  });

  test('a later generation is published when its newest are held, whatever becomes of the others', async () => {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', { packages: versions, nevra: nevraOfFile });
    const set = await bench.run({ hub: bench.yum(['a']), policyOf: two });
    const first = bench.store.current('vendor')?.id;
    putRepository(bench.origin, 'a', {
      packages: { ...versions, ...files({ 'app-2-1.noarch': 5 }) },
      nevra: nevraOfFile,
    });
    bench.origin.remove('a/p/app-1.8-1.noarch.rpm');
    bench.origin.remove('a/p/app-2-1.noarch.rpm');
    expect((await synced(set)).failures.map(({ path }) => path)).toContain('a/p/app-2-1.noarch.rpm');
    expect(bench.store.current('vendor')?.id).toBe(first);
    bench.origin.put('a/p/app-2-1.noarch.rpm', Buffer.from('app-2-1.noarch'.repeat(99).slice(0, 5)));
    expect((await synced(set)).state).toBe('done');
    expect(bench.store.current('vendor')?.id).not.toBe(first);
    expect(fetched(bench)).not.toContain('/a/p/app-1.8-1.noarch.rpm');
  });
});

/** A repository of the origin, and the packages that are fetched of it in the order in which they are begun. */
function watched(bench: Bench): { readonly wanted: WantedRepository; readonly begun: readonly string[] } {
  const wanted = bench.wanted('a');
  const { supplier } = wanted;
  const loader = supplier.loader.bind(supplier);
  const begun: string[] = [];
  supplier.loader = (href) => {
    if (href.endsWith('.rpm')) begun.push(href.slice(2, -4));
    return loader(href);
  };
  return { wanted, begun };
}

test.each([
  [
    'full',
    'full',
    [
      'app-1.9-1.noarch',
      'app-1.8-1.noarch',
      'app-1.10~rc1-1.noarch',
      'lib-1-1.x86_64',
      'app-1.10-1.noarch',
      'lib-1-1.src',
    ],
  ],
  [
    'newest:3',
    'newest:3',
    ['app-1.9-1.noarch', 'app-1.10~rc1-1.noarch', 'lib-1-1.x86_64', 'app-1.10-1.noarch', 'lib-1-1.src'],
  ],
] as const)(
  'policy %s fetches what a security advisory names first, then small before large',
  async (_, policy, expected) => {
    const bench = await Bench.start();
    const texts = { updateinfo: advisory('security', 'app-1.9-1.noarch.rpm') };
    putRepository(bench.origin, 'a', { packages: versions, nevra: nevraOfFile, texts });
    const { wanted, begun } = watched(bench);
    await bench.run({ hub: new ListingHub([wanted]), policy, policyOf: () => policy });
    expect(begun).toEqual(expected);
  },
);

test('advisories that are about no security, or cannot be read, change nothing', async () => {
  for (const updateinfo of [advisory('bugfix', 'app-1.9-1.noarch.rpm'), '<updates><']) {
    const bench = await Bench.start();
    putRepository(bench.origin, 'a', { packages: versions, nevra: nevraOfFile, texts: { updateinfo } });
    const set = await bench.run({ hub: bench.yum(['a']), policy: 'full', policyOf: full });
    expect(set.runs()[0]?.state).toBe('done');
    expect(order(bench).at(-1)).toBe('app-1.9-1.noarch');
  }
});

test('versions of what was served before come after what an advisory names, and before the rest', async () => {
  const bench = await Bench.start();
  bench.servedBefore = (href) => href.startsWith('p/lib-');
  const texts = { updateinfo: advisory('security', 'app-1.9-1.noarch.rpm') };
  putRepository(bench.origin, 'a', { packages: versions, nevra: nevraOfFile, texts });
  const { wanted, begun } = watched(bench);
  await bench.run({ hub: new ListingHub([wanted]), policyOf: full });
  const served = ['lib-1-1.x86_64', 'lib-1-1.src'];
  const rest = ['app-1.8-1.noarch', 'app-1.10~rc1-1.noarch', 'app-1.10-1.noarch'];
  expect(begun).toEqual(['app-1.9-1.noarch', ...served, ...rest]);
});

test('metadata is read and published however many other repositories wait for their packages', async () => {
  const bench = await Bench.start();
  // More than are read at a time.
  const waiting = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (const path of waiting) putRepository(bench.origin, path, { packages: { [`${path}.rpm`]: path } });
  putRepository(bench.origin, 'z', { packages: { 'z.rpm': 'z' } });
  const gate = new Gate();
  bench.origin.on(/\.rpm$/, hang(gate));
  const policyOf = (path: string): 'full' | 'on-demand' => (path === 'z' ? 'on-demand' : 'full');
  const set = await bench.open({ hub: bench.yum([...waiting, 'z']), policy: 'full', policyOf });
  set.begin();
  await gate.reached;
  const read = (): boolean =>
    bench.origin.requests.some(({ path }) => path.startsWith('/z/repodata/') && !path.endsWith('repomd.xml'));
  while (!read() || bench.store.current('vendor')?.repositories['z'] === undefined) await bench.clock.step(100);
  expect(Object.keys(bench.store.current('vendor')?.repositories ?? {})).toHaveLength(7);
  // Nothing is complete before its packages are there.
  expect((await statusOf(set)).sync).toMatchObject({ state: 'running', lastSuccess: null });
  await set.stop();
  gate.open();
});
