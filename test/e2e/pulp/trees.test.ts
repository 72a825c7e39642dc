import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { digestOf, hexOf } from '../../../base/digest.ts';
import { dnfTools, freshDnf } from '../../support/dnf.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { download } from '../../support/http-download.ts';
import { incompressibleText } from '../../support/incompressible-text.ts';
import type { Pop } from '../../support/pop.ts';
import { LivePulp, livePulp } from '../../support/pulp/live.ts';
import { repositoryTools, signedRepository } from '../../support/rpm-repository.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import type { TemporaryDirectory } from '../../support/temporary-directory.ts';
import { describeWith } from '../../support/tools.ts';
import { treeinfoText } from '../../support/treeinfo-text.ts';
import { pulpPop, repositoryIn, repositoryIs, section, worked } from './pulp-pop.ts';

const images = {
  'images/pxeboot/vmlinuz': incompressibleText(100_000, 'kernel'),
  'images/pxeboot/initrd.img': incompressibleText(1 << 20, 'initrd'),
  'images/install.img': incompressibleText(3 << 20, 'stage two'),
  'images/efiboot.img': incompressibleText(30_000, 'efi'),
  'images/boot.iso': incompressibleText(40_000, 'iso'),
};
const imageCount = Object.keys(images).length;
const old = { 'boot/net.iso': incompressibleText(1 << 20, 'old'), 'tools.tar': 'tools' };
const newer = { 'boot/net.iso': incompressibleText(1 << 20, 'newer'), 'more.bin': 'more' };
/** Pulp lays variants out inside the tree, by their ids. One is carried as a repository of its own, the other is not. */
const [carried, passed] = ['tree/Variant1', 'tree/Variant2'];
const passedPackage = `/content/${passed}/Packages/e/edge-crb-1.0-1.noarch.rpm`;

/** Each test goes on from where the one before it ended: Pulp is stopped but once. */
describeWith([livePulp, ...repositoryTools, ...dnfTools], 'what Pulp mirrors besides packages', () => {
  let pulp: LivePulp;
  let directory: TemporaryDirectory;
  let origin: FaultyOrigin;
  let pop: Pop;
  let publishFiles: () => Promise<unknown>;
  beforeAll(async () => {
    pulp = new LivePulp();
    directory = await temporaryDirectory();
    origin = await FaultyOrigin.start({ directory: join(directory.path, 'origin') });
    const labels = { pulp_labels: { suite: 'kinds' } };
    for (const [folder, name] of Object.entries({ os: 'edge-hello', AppStream: 'edge-ten', CRB: 'edge-crb' }))
      await signedRepository(join(directory.path, 'origin', folder), { packages: [{ name }] });
    const treeinfo = treeinfoText({ files: images, variants: ['../AppStream', '../CRB'] });
    await put('os', { ...images, '.treeinfo': treeinfo });
    const tree = await pulp.mirror('rpm', 'tree', `${origin.url}os/`);
    await pulp.distribution('tree', { repository: tree.href, ...labels });
    await put('files', withManifest(old));
    const files = await pulp.mirror('file', 'boot-files', `${origin.url}files/PULP_MANIFEST`);
    await pulp.distribution('boot-files', { repository: files.href, ...labels }, 'file');
    publishFiles = files.sync;
    const variant = { path: carried, url: `${pulp.contentUrl('tree')}Variant1/` };
    const beside = [{ name: 'variants', hub: { type: 'yum' }, policy: 'full', repositories: [variant] }];
    pop = await pulpPop(pulp, { select: 'suite=kinds', subscription: { policy: 'full' }, beside });
  });
  afterAll(async () => {
    await Promise.all([pulp.start('api'), pulp.start('content')]);
    await pop[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  /** Puts files at the origin that Pulp mirrors. */
  async function put(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      const file = join(directory.path, 'origin', folder, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
  }

  async function expectHeld(path: string, files: Readonly<Record<string, string>>): Promise<void> {
    for (const [href, text] of Object.entries(files)) {
      const answer = await download(pop.content, `/content/${path}/${href}`);
      expect([href, answer.word, digestOf(answer.body)]).toEqual([href, 'hit', digestOf(text)]);
    }
  }

  test('installation trees and plain files are found by one label, and held in full', async () => {
    const held = { listed: imageCount, held: imageCount, unusable: 0 };
    const status = await pop.until((now) => {
      const [tree, variant, files] = ['tree', carried, 'boot-files'].map((path) => repositoryIn(now, path));
      const ofTree = tree?.tree?.files.held === imageCount && tree.packages.held === 1;
      return ofTree && variant?.packages.held === 1 && files?.packages.held === 2;
    });
    expect(repositoryIn(status, 'tree')).toMatchObject({
      content: 'rpm',
      tree: { files: held, variantsMissing: ['Variant2'] },
    });
    expect(repositoryIn(status, 'boot-files')).toMatchObject({ content: 'file', state: 'current' });
    await expectHeld('boot-files', old);
  });

  test('plain files follow what Pulp publishes next', async () => {
    const before = (await pop.repository('boot-files')).repomd;
    await put('files', withManifest(newer));
    await publishFiles();
    await repositoryIs(pop, 'boot-files', (now) => now?.repomd !== before && now?.packages.held === 2);
    await expectHeld('boot-files', newer);
  });

  test('a variant that nobody carries is passed through, its packages too', async () => {
    const dnf = await freshDnf(directory.path, [section(pop, passed)]);
    worked(await dnf.download('edge-crb'), pop);
    await pop.held(passedPackage);
  });

  test('all of it is served when Pulp is gone and the PoP was killed', async () => {
    const published = async (path: string): Promise<string> => (await fetch(pulp.contentUrl(path).slice(0, -1))).text();
    const [treeinfo, manifest] = [await published('tree/.treeinfo'), await published('boot-files/PULP_MANIFEST')];
    await Promise.all([pulp.stop('api'), pulp.stop('content')]);
    await pop.kill();
    await pop.launch();
    await expectHeld('tree', images);
    expect((await download(pop.content, '/content/tree/images/updates.img')).status).toBe(404);
    await expectHeld('boot-files', newer);
    // Once the PoP has seen that Pulp is gone, what may have changed there is marked stale, and served.
    for (const [path, text] of Object.entries({ 'tree/.treeinfo': treeinfo, 'boot-files/PULP_MANIFEST': manifest })) {
      const answer = await download(pop.content, `/content/${path}`);
      expect([path, answer.status, answer.body.toString()]).toEqual([path, 200, text]);
    }
    // What the manifest listed before is there with the generation that is kept; what none ever listed is not.
    await expectHeld('boot-files', { 'tools.tar': old['tools.tar'] });
    expect((await download(pop.content, '/content/boot-files/none.tar')).word).toBe('absent');
    const dnf = await freshDnf(directory.path, [section(pop, 'tree'), section(pop, carried)]);
    worked(await dnf.install('edge-hello', 'edge-ten'), pop);
    expect((await download(pop.content, passedPackage)).status).toBe(200);
  });
});

/** Files with the list of them, as a repository of plain files has it. */
function withManifest(files: Readonly<Record<string, string>>): Record<string, string> {
  const lines = Object.entries(files).map(([name, text]) => `${name},${hexOf(digestOf(text))},${text.length}\n`);
  return { ...files, PULP_MANIFEST: lines.join('') };
}
