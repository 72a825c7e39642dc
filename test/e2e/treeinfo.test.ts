import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Status, TreeStatus } from '../../base/status.ts';
import { chunked, FaultyOrigin, flippedAt, Gate, portalPage, stallAt, status } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download, Download } from '../support/http-download.ts';
import type { Downloaded } from '../support/http-download.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { Pop } from '../support/pop.ts';
import { treeinfoText } from '../support/treeinfo-text.ts';

const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
const place = 'el9/BaseOS/x86_64/os';

/** One moment of a tree: every file is another than in the other moments. */
function moment(letter: string): { files: Record<string, string>; treeinfo: string } {
  const files = {
    'images/pxeboot/vmlinuz': incompressibleText(100_000, `kernel ${letter}`),
    'images/pxeboot/initrd.img': incompressibleText(2 << 20, `initrd ${letter}`),
    'images/install.img': incompressibleText(6 << 20, `stage two ${letter}`),
    'images/efiboot.img': incompressibleText(30_000, `efi ${letter}`),
  };
  const listed = { ...files, 'repodata/repomd.xml': 'another compose’s' };
  return { files, treeinfo: treeinfoText({ files: listed, variants: ['../../../AppStream/x86_64/os'] }) };
}

const [old, newer] = [moment('a'), moment('b')];

function putTree(origin: FaultyOrigin, { files, treeinfo }: typeof old, packages: Record<string, string>): void {
  for (const [href, bytes] of Object.entries(files)) origin.put(`/${place}/${href}`, bytes);
  putRepository(origin, place, { packages });
  origin.put(`/${place}/.treeinfo`, treeinfo);
}

describe('an installation tree', { timeout: 300_000 }, () => {
  let origin: FaultyOrigin;
  let pop: Pop;
  const start = async (more: Record<string, unknown> = {}): Promise<void> => {
    const repositories = [
      { path: place, url: `${origin.url}${place}/` },
      { path: 'el9/AppStream/x86_64/os', url: `${origin.url}el9/AppStream/x86_64/os/` },
    ];
    const subscription = { name: 'vendor', hub: { type: 'yum' }, refresh: '1h', repositories, ...more };
    pop = await Pop.start({ config: { subscriptions: [subscription] } });
    await pop.published();
  };
  beforeEach(async () => {
    origin = await FaultyOrigin.start();
    putTree(origin, old, { 'Packages/a-1.rpm': 'a' });
    putRepository(origin, 'el9/AppStream/x86_64/os', { packages: { 'b-1.rpm': 'b' } });
  });
  afterEach(async () => {
    await pop[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
  });
  const get = (file: string, options = {}, top = `/content/${place}`): Promise<Downloaded> =>
    download(pop.content, `${top}/${file}`, options);
  const count = (file: string): number => origin.count(`/${place}/${file}`);

  /** Everything that an installation asks for, in Anaconda's order; each answer is of the moment. */
  async function install({ files, treeinfo }: typeof old, rpm: string, top = `/content/${place}`): Promise<void> {
    const exactly = async (file: string, bytes: string): Promise<void> => {
      const answer = await get(file, {}, top);
      expect([file, answer.status, sha256(answer.body)]).toEqual([file, 200, sha256(bytes)]);
    };
    for (const file of ['images/pxeboot/vmlinuz', 'images/pxeboot/initrd.img']) await exactly(file, files[file] ?? '');
    await exactly('.treeinfo', treeinfo);
    const stage2 = files['images/install.img'] ?? '';
    const parts: Buffer[] = [];
    const step = 1 << 20;
    for (let at = 0; at < stage2.length; at += step) {
      const part = await get('images/install.img', { headers: { range: `bytes=${at}-${at + step - 1}` } }, top);
      expect(part.status).toBe(206);
      parts.push(part.body);
    }
    expect(sha256(Buffer.concat(parts))).toBe(sha256(stage2));
    for (const probe of ['images/updates.img', 'images/product.img'])
      expect((await get(probe, {}, top)).status).toBe(404);
    await exactly('treeinfo', treeinfo);
    expect((await get('repodata/repomd.xml', {}, top)).status).toBe(200);
    await exactly(`Packages/${rpm}.rpm`, rpm.slice(0, 1));
  }

  test('is installed from, and again with the upstream dead, and after a kill, each file fetched once', async () => {
    await start();
    await install(old, 'a-1');
    expect((await get('images/efiboot.img')).word).toBe('miss');
    for (const file of Object.keys(old.files)) await pop.held(`/content/${place}/${file}`);
    for (const file of Object.keys(old.files)) expect([file, count(file)]).toEqual([file, 1]);
    await origin.stop();
    await install(old, 'a-1');
    await pop.kill();
    await pop.launch();
    await install(old, 'a-1');
    const held = await get('images/install.img', { method: 'HEAD' });
    expect([held.word, held.headers['content-length']]).toEqual(['hit', String(6 << 20)]);
  });

  test('flips as one: what was read by id or date stays of its moment, with the upstream dead', async () => {
    await start({ policy: 'full' });
    await pop.looked();
    const [first] = (await pop.generations()).filter(({ current }) => current);
    await get('.treeinfo');
    putTree(origin, newer, { 'Packages/c-1.rpm': 'c' });
    // A client that began with the old .treeinfo is in the midst of it: it goes on by its generation.
    const run = await pop.run('sync', '--wait');
    expect(run).toMatchObject({ code: 0 });
    await install(newer, 'c-1');
    await origin.stop();
    await install(newer, 'c-1');
    await install(old, 'a-1', `/generations/${first?.id}/${place}`);
    await install(newer, 'c-1', `/generations/@${new Date(Date.now() + 60_000).toISOString()}/${place}`);
    await pop.kill();
    await pop.launch();
    await install(newer, 'c-1');
    await install(old, 'a-1', `/generations/${first?.id}/${place}`);
  });

  test('does not flip under a client that has just read .treeinfo, and does when none has any more', async () => {
    await start({ policy: 'full' });
    await treeHeld(4);
    await pop.looked();
    await get('.treeinfo');
    putTree(origin, newer, { 'Packages/c-1.rpm': 'c' });
    const run = pop.run('sync', '--wait');
    // One after the other begins, until the sync says that it waits for them: a minute at most.
    for (;;) {
      const { reason } = await pop.repository(place);
      if (reason?.endsWith('waits for clients that read the previous one') === true) break;
      expect((await get('.treeinfo')).body.toString()).toBe(old.treeinfo);
    }
    expect(sha256((await get('.treeinfo')).body)).toBe(sha256(old.treeinfo));
    expect(sha256((await get('images/install.img')).body)).toBe(sha256(old.files['images/install.img'] ?? ''));
    expect(await run).toMatchObject({ code: 0 });
    expect((await pop.repository(place)).reason).toBeNull();
    await install(newer, 'c-1');
  });

  test('changes in .treeinfo alone are a generation of their own', async () => {
    await start();
    const before = (await pop.generations()).length;
    const treeinfo = treeinfoText({ files: newer.files, variants: [] });
    for (const [href, bytes] of Object.entries(newer.files)) origin.put(`/${place}/${href}`, bytes);
    origin.put(`/${place}/.treeinfo`, treeinfo);
    expect(await pop.run('sync', '--wait')).toMatchObject({ code: 0 });
    expect((await pop.generations()).length).toBe(before + 1);
    await install({ ...newer, treeinfo }, 'a-1');
  });

  /** Resolves once so many files of the tree are held, as status has it. */
  const treeHeld = async (held: number): Promise<void> => {
    await pop.until((now) => treeOf(now)?.files.held === held);
  };

  test('is fetched ahead by the policy full: nothing is asked for at the first installation', async () => {
    await start({ policy: 'full' });
    await treeHeld(4);
    expect((await pop.repository(place)).tree).toMatchObject({
      files: { listed: 4, unusable: 0 },
      variantsMissing: [],
    });
    await pop.looked();
    await origin.stop();
    await install(old, 'a-1');
    expect(pop.access.filter(({ outcome }) => outcome === 'miss')).toEqual([]);
  });

  test('lists what its upstream does not have, or not so: that is said, and the rest is complete', async () => {
    origin.on(`/${place}/images/efiboot.img`, status(404));
    origin.put(`/${place}/images/pxeboot/vmlinuz`, 'another kernel');
    await start({ policy: 'full' });
    await pop.looked();
    putTree(origin, { files: {}, treeinfo: old.treeinfo }, { 'Packages/a-1.rpm': 'a', 'Packages/d-1.rpm': 'd' });
    const run = await pop.run('sync', '--wait');
    expect([run.code, run.stdout + run.stderr]).toEqual([1, expect.stringContaining('images/efiboot.img')]);
    // The repository moved on all the same.
    expect((await get('Packages/d-1.rpm')).word).toBe('hit');
    await treeHeld(2);
    expect((await get('images/efiboot.img')).status).toBe(504);
  });

  test('whose variants are not all carried says which', async () => {
    origin.put(
      `/${place}/.treeinfo`,
      treeinfoText({ files: {}, variants: ['../../../AppStream/x86_64/os', '../../../CRB/x86_64/os'] }),
    );
    await start();
    expect((await pop.repository(place)).tree?.variantsMissing).toEqual(['../../../CRB/x86_64/os']);
    expect((await pop.run('status')).stdout).toContain('../../../CRB/x86_64/os');
    const line = pop.lines.find(({ msg }) => msg === 'variants of this tree are not carried here');
    expect(line).toMatchObject({ path: place, variants: ['../../../CRB/x86_64/os'] });
    // The variant that is carried lies where the .treeinfo points.
    expect((await get('b-1.rpm', {}, `/content/${place}/../../../AppStream/x86_64/os`)).status).toBe(400);
    expect((await get('b-1.rpm', {}, '/content/el9/AppStream/x86_64/os')).status).toBe(200);
  });

  describe('an image of it', () => {
    const boot = `/content/${place}/images/install.img`;
    const image = old.files['images/install.img'] ?? '';
    const upstream = `/${place}/images/install.img`;

    test('is had by many from one transfer, with the digest as its ETag before and after', async () => {
      await start();
      const gate = new Gate();
      const rule = origin.times(1, upstream, stallAt(2 << 20, gate));
      const clients = Array.from({ length: 4 }, () => new Download(pop.content, boot));
      await gate.reached;
      const late = new Download(pop.content, boot);
      gate.open();
      for (const client of [...clients, late]) {
        const answer = await client.done;
        expect([sha256(answer.body), answer.headers.etag]).toEqual([sha256(image), `"${sha256(image)}"`]);
      }
      rule.remove();
      await pop.held(boot);
      expect((await get('images/install.img')).headers.etag).toBe(`"${sha256(image)}"`);
      expect(origin.count(upstream)).toBe(1);
    });

    test('comes wrong, of unknown length, as a portal’s page or not at all: never other bytes than are listed', async () => {
      await start();
      // Wrong: cut short of its end, nothing is kept, and the next try is right.
      origin.times(2, upstream, flippedAt(image.length - 1));
      const wrong = await get('images/install.img');
      expect([wrong.complete, wrong.body.length <= image.length - 65_536]).toEqual([false, true]);
      expect((await get('images/install.img')).complete).toBe(true);
      await pop.held(boot);
      // Nobody says in advance how long it is.
      const initrd = `/${place}/images/pxeboot/initrd.img`;
      origin.on(initrd, chunked());
      origin.times(1, initrd, chunked(), flippedAt(5));
      const answers = [await get('images/pxeboot/initrd.img'), await get('images/pxeboot/initrd.img')];
      expect(answers.filter(({ complete }) => complete).map(({ body }) => sha256(body))).toContain(
        sha256(old.files['images/pxeboot/initrd.img'] ?? ''),
      );
      await pop.held(`/content/${place}/images/pxeboot/initrd.img`);
      // A captive portal.
      const portal = origin.on(`/${place}/images/efiboot.img`, portalPage());
      expect(await get('images/efiboot.img')).toMatchObject({ status: 504, word: 'unavailable' });
      portal.remove();
      const head = await get('images/pxeboot/vmlinuz', { method: 'HEAD' });
      expect([head.status, head.word, head.headers['content-length']]).toEqual([200, 'miss', '100000']);
      await origin.stop();
      expect(await get('images/pxeboot/vmlinuz')).toMatchObject({ status: 504 });
      expect((await get('images/pxeboot/initrd.img', { headers: { range: 'bytes=-5' } })).status).toBe(206);
      expect(await get('images/updates.img')).toMatchObject({ status: 404 });
    });
  });
});

function treeOf({ subscriptions }: Status): TreeStatus | null {
  return subscriptions[0]?.repositories.find(({ path }) => path === place)?.tree ?? null;
}
