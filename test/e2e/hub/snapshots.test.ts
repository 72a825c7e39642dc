import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { digestOf, hexOf } from '../../../base/digest.ts';
import type { CommandResult } from '../../support/command-line.ts';
import { waystation } from '../../support/command-line.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { status } from '../../support/faulty-origin-lies.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { numberedPackages } from '../../support/hub-directory.ts';
import { incompressibleText } from '../../support/incompressible-text.ts';
import { SimulatedPulp } from '../../support/pulp/simulated-pulp.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { treeinfoText } from '../../support/treeinfo-text.ts';

/** A hub on a fresh directory, before anything is in it. */
async function freshHub(directory: string): Promise<(...words: string[]) => Promise<CommandResult>> {
  const config = join(directory, 'hub.yaml');
  const places = 'store: { type: directory, path: store }\nkeys: keys\nstate: state\n';
  await writeFile(config, `publicUrl: https://hub.example.com\n${places}`);
  const hub = (...words: string[]): Promise<CommandResult> => waystation('hub', ...words, '--config', config);
  expect(await hub('init')).toMatchObject({ code: 0 });
  return hub;
}

async function sources(directory: string, ...repositories: object[]): Promise<string> {
  const file = join(directory, 'sources.yaml');
  await writeFile(file, JSON.stringify({ repositories }));
  return file;
}

async function blobs(directory: string): Promise<number> {
  const entries = await readdir(join(directory, 'store/public/blobs'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

describe('snapshots of a hub', { timeout: 120_000 }, () => {
  test('store a second one with 2 % changed as 2 %, and never change', async () => {
    await using directory = await temporaryDirectory();
    await using origin = await FaultyOrigin.start();
    const hub = await freshHub(directory.path);
    const from = await sources(directory.path, { type: 'yum', path: 'el9/base', url: `${origin.url}base/` });
    putRepository(origin, 'base', { packages: numberedPackages(50, () => 1) });
    expect(await hub('snapshot', 'create', 'week-1', '--from', from)).toMatchObject({ code: 0 });
    const before = await blobs(directory.path);
    // 50 packages, repomd.xml, primary and filelists.
    expect(before).toBe(53);
    const asked = origin.requests.length;

    putRepository(origin, 'base', { packages: numberedPackages(50, (index) => (index === 7 ? 2 : 1)) });
    const second = await hub('snapshot', 'create', 'week-2', '--from', from, '--json');
    expect(second).toMatchObject({ code: 0 });
    expect(await blobs(directory.path)).toBe(before + 4);
    const fetched = origin.requests.slice(asked).filter(({ path }) => path.endsWith('.rpm'));
    expect(fetched.map(({ path }) => path)).toEqual(['/base/p/pkg7-2-1.noarch.rpm']);

    // The same name from the same content is the same snapshot; from other content it is refused.
    expect(await hub('snapshot', 'create', 'week-2', '--from', from)).toMatchObject({ code: 0 });
    const refused = await hub('snapshot', 'create', 'week-1', '--from', from);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/other content/) });
    const list = JSON.parse((await hub('snapshot', 'list', '--json')).stdout);
    expect(list.snapshots.map(({ name }: { name: string }) => name)).toEqual(['week-1', 'week-2']);
    expect(list.snapshots[1].content).toBe(JSON.parse(second.stdout).snapshot.content);
  });

  test('name every package that cannot be had, make nothing, and go on with what is missing', async () => {
    await using directory = await temporaryDirectory();
    await using origin = await FaultyOrigin.start();
    const hub = await freshHub(directory.path);
    const from = await sources(directory.path, { type: 'yum', path: 'base', url: `${origin.url}base/` });
    putRepository(origin, 'base', { packages: numberedPackages(20, () => 1) });
    origin.on(/pkg(3|4)-/, status(404));
    const failed = await hub('snapshot', 'create', 'one', '--from', from);
    expect(failed.code).toBe(1);
    for (const name of ['pkg3', 'pkg4'])
      expect(failed.stderr).toMatch(new RegExp(`base/p/${name}-1-1.noarch.rpm: upstream_missing`));
    expect((await hub('snapshot', 'show', 'one')).code).toBe(2);

    origin.clear();
    const asked = origin.requests.length;
    expect(await hub('snapshot', 'create', 'one', '--from', from)).toMatchObject({ code: 0 });
    const fetched = origin.requests.slice(asked).filter(({ path }) => path.endsWith('.rpm'));
    expect(fetched.map(({ path }) => path).toSorted()).toEqual([
      '/base/p/pkg3-1-1.noarch.rpm',
      '/base/p/pkg4-1-1.noarch.rpm',
    ]);
  });

  test('have the files of installation trees, also composed, and name those that cannot be had', async () => {
    await using directory = await temporaryDirectory();
    const origin = await FaultyOrigin.start();
    const hub = await freshHub(directory.path);
    const files = { 'images/pxeboot/vmlinuz': 'a kernel', 'images/install.img': incompressibleText(1 << 20, 'two') };
    const treeinfo = treeinfoText({ files: { ...files, 'images/boot.iso': 'nowhere' }, variants: ['../AppStream'] });
    putRepository(origin, 'os', { packages: numberedPackages(2, () => 1) });
    origin.put('/os/.treeinfo', treeinfo);
    for (const [href, text] of Object.entries(files)) origin.put(`/os/${href}`, text);
    const source = { type: 'yum', path: 'os', url: `${origin.url}os/` };
    const from = await sources(directory.path, source);

    const cut = origin.on('/os/images/install.img', status(503));
    const failed = await hub('snapshot', 'create', 'one', '--from', from);
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining('os/images/install.img: upstream_')]);
    cut.remove();
    const made = await hub('snapshot', 'create', 'one', '--from', from);
    // What its upstream does not have as it lists it holds no tree back.
    expect([made.code, made.stderr]).toEqual([0, expect.stringContaining('does not have a file as its .treeinfo')]);
    await origin.stop();
    const again = await sources(directory.path, { snapshot: 'one', path: 'again' });
    expect(await hub('snapshot', 'create', 'two', '--from', again)).toMatchObject({ code: 0 });
    const { repositories } = JSON.parse((await hub('snapshot', 'show', 'two', '--json')).stdout);
    const listed = { ...files, 'images/boot.iso': 'nowhere' };
    expect(repositories['again/os']).toMatchObject({
      treeinfo: { digest: digestOf(treeinfo), size: treeinfo.length },
      tree: {
        files: Object.fromEntries(Object.entries(listed).map(([href, text]) => [href, digestOf(text)])),
        variants: ['../AppStream'],
        unusable: 0,
      },
    });
    for (const text of [treeinfo, ...Object.values(files)]) {
      const digest = hexOf(digestOf(text));
      const blob = join(directory.path, 'store/public/blobs/sha256', digest.slice(0, 2), digest);
      expect(await readFile(blob, 'utf8')).toBe(text);
    }
  });

  test('that are metadata-only pin a tree and fetch none of its files', async () => {
    await using directory = await temporaryDirectory();
    await using origin = await FaultyOrigin.start();
    const hub = await freshHub(directory.path);
    putRepository(origin, 'os', { packages: numberedPackages(1, () => 1) });
    origin.put('/os/images/install.img', 'stage two');
    origin.put('/os/.treeinfo', treeinfoText({ files: { 'images/install.img': 'stage two' }, variants: [] }));
    const file = join(directory.path, 'sources.yaml');
    const repositories = [{ type: 'yum', path: 'os', url: `${origin.url}os/` }];
    await writeFile(file, JSON.stringify({ policy: 'metadata-only', repositories }));
    const made = await hub('snapshot', 'create', 'one', '--from', file, '--json');
    expect(JSON.parse(made.stdout).snapshot.repositories.os.tree.files).toEqual({
      'images/install.img': digestOf('stage two'),
    });
    expect(origin.count(/images/)).toBe(0);
  });

  test('have plain files of a web server, which a PULP_MANIFEST lists', async () => {
    await using directory = await temporaryDirectory();
    await using origin = await FaultyOrigin.start();
    const hub = await freshHub(directory.path);
    const manifest = `tools.tar,${hexOf(digestOf('the tools'))},9\n`;
    origin.put('/boot/PULP_MANIFEST', manifest);
    origin.put('/boot/tools.tar', 'the tools');
    const source = { type: 'yum', path: 'boot', url: `${origin.url}boot/`, content: 'file' };
    const made = await hub('snapshot', 'create', 'one', '--from', await sources(directory.path, source), '--json');
    expect(JSON.parse(made.stdout).snapshot.repositories.boot).toMatchObject({
      content: 'file',
      repomd: { digest: digestOf(manifest) },
      packages: { count: 1, bytes: 9 },
    });
    expect(await blobs(directory.path)).toBe(2);
    const signed = await sources(directory.path, { ...source, gpgKey: 'key' });
    const refused = await hub('snapshot', 'create', 'two', '--from', signed);
    expect([refused.code, refused.stderr]).toEqual([78, expect.stringMatching(/no meaning for content: file/)]);
  });

  test('have the plain files that Pulp selects beside packages, which gates pass over', async () => {
    await using directory = await temporaryDirectory();
    await using pulp = await SimulatedPulp.start();
    const hub = await freshHub(directory.path);
    const text = 'the tools';
    const manifest = `tools.tar,${hexOf(digestOf(text))},${text.length}\n`;
    pulp.fileDistributions = [{ prn: 'prn:boot', name: 'boot', base_path: 'edge/boot', publication: '/1/' }];
    pulp.files.set('edge/boot/PULP_MANIFEST', manifest);
    pulp.files.set('edge/boot/tools.tar', text);
    await writeFile(join(directory.path, 'password'), pulp.password);
    const access = { username: 'pop', passwordFile: 'password' };
    const from = await sources(directory.path, { type: 'pulp', url: pulp.origin, ...access });
    const made = await hub('snapshot', 'create', 'one', '--from', from, '--json');
    expect(made).toMatchObject({ code: 0 });
    expect(JSON.parse(made.stdout).snapshot.repositories).toMatchObject({
      'edge/boot': {
        content: 'file',
        repomd: { digest: digestOf(manifest), size: manifest.length },
        packages: { count: 1, bytes: text.length, unservable: 0 },
      },
    });
    const digest = hexOf(digestOf(text));
    expect(await readFile(join(directory.path, 'store/public/blobs/sha256', digest.slice(0, 2), digest), 'utf8')).toBe(
      text,
    );
    const gates = join(directory.path, 'gates.yaml');
    await writeFile(gates, 'no-clash: {}\n');
    expect(await hub('snapshot', 'check', 'one', '--gates', gates)).toMatchObject({ code: 0 });
  });

  test('compose repositories of others, without any upstream', async () => {
    await using directory = await temporaryDirectory();
    const origin = await FaultyOrigin.start();
    const hub = await freshHub(directory.path);
    putRepository(origin, 'base', { packages: numberedPackages(3, () => 1) });
    const yum = await sources(directory.path, { type: 'yum', path: 'base', url: `${origin.url}base/` });
    expect(await hub('snapshot', 'create', 'one', '--from', yum)).toMatchObject({ code: 0 });
    await origin.stop();
    const both = await sources(directory.path, { snapshot: 'one' }, { snapshot: 'one', path: 'again' });
    expect(await hub('snapshot', 'create', 'two', '--from', both)).toMatchObject({ code: 0 });
    const { repositories } = JSON.parse((await hub('snapshot', 'show', 'two', '--json')).stdout);
    expect(Object.keys(repositories)).toEqual(['base', 'again/base']);
    expect(repositories['base']).toEqual(repositories['again/base']);
    const twice = await sources(directory.path, { snapshot: 'one' }, { snapshot: 'one' });
    expect(await hub('snapshot', 'create', 'three', '--from', twice)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/two sources bring this path/),
    });
  });

  test('are pointed to by channels, which go back and remember', async () => {
    await using directory = await temporaryDirectory();
    await using origin = await FaultyOrigin.start();
    const hub = await freshHub(directory.path);
    const from = await sources(directory.path, { type: 'yum', path: 'base', url: `${origin.url}base/` });
    for (const version of [1, 2]) {
      putRepository(origin, 'base', { packages: numberedPackages(2, () => version) });
      expect(await hub('snapshot', 'create', `week-${version}`, '--from', from)).toMatchObject({ code: 0 });
    }
    expect(await hub('promote', 'prod', 'nosuch')).toMatchObject({ code: 2 });
    expect(await hub('rollback', 'prod')).toMatchObject({ code: 2 });
    expect(await hub('promote', 'prod', 'week-1')).toMatchObject({
      code: 0,
      stdout: 'prod points to week-1 (number 1)\n',
    });
    expect(await hub('rollback', 'prod')).toMatchObject({ code: 1 });
    expect(await hub('promote', 'prod', 'week-2', '--why', 'patch day')).toMatchObject({ code: 0 });
    expect(await hub('promote', 'prod', 'week-2')).toMatchObject({ stdout: 'prod points to week-2 (number 2)\n' });
    expect(await hub('rollback', 'prod')).toMatchObject({ stdout: 'prod points to week-1 (number 3)\n' });
    const { channels } = JSON.parse((await hub('channels', 'prod', '--json')).stdout);
    expect(channels).toMatchObject([
      { sequence: 3, snapshot: 'week-1' },
      { sequence: 2, snapshot: 'week-2', why: 'patch day' },
      { sequence: 1, snapshot: 'week-1', why: null },
    ]);
    // What somebody else signed is not believed.
    await rm(join(directory.path, 'keys'), { recursive: true });
    expect(await hub('init')).toMatchObject({ code: 0 });
    expect(await hub('channels')).toMatchObject({ code: 1, stderr: expect.stringMatching(/refused/) });
  });
});
