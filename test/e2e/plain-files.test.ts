import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FaultyOrigin, flippedAt } from '../support/faulty-origin.ts';
import { download } from '../support/http-download.ts';
import type { Downloaded } from '../support/http-download.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { Pop } from '../support/pop.ts';

const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
const old = { 'boot/net.iso': incompressibleText(3 << 20, 'iso'), 'tools.tar': 'tools', 'notes-old.txt': 'notes' };
const newer = { 'boot/net.iso': incompressibleText(3 << 20, 'newer'), 'tools.tar': 'tools', 'more.bin': 'more' };

function putFiles(origin: FaultyOrigin, files: Readonly<Record<string, string>>): string {
  for (const [name, bytes] of Object.entries(files)) origin.put(`/f/${name}`, bytes);
  const lines = Object.entries(files).map(([name, bytes]) => `${name},${sha256(bytes)},${bytes.length}`);
  const manifest = `${[...lines, `../outside,${sha256('x')},1`].join('\n')}\n`;
  origin.put('/f/PULP_MANIFEST', manifest);
  return manifest;
}

describe('a repository of plain files', { timeout: 300_000 }, () => {
  let origin: FaultyOrigin;
  let pop: Pop;
  const start = async (policy: string): Promise<void> => {
    const repositories = [{ path: 'site/files', url: `${origin.url}f/`, content: 'file' }];
    const subscription = { name: 'vendor', hub: { type: 'yum' }, refresh: '1h', policy, repositories };
    pop = await Pop.start({ config: { subscriptions: [subscription] } });
    await pop.published();
  };
  beforeEach(async () => {
    origin = await FaultyOrigin.start();
  });
  afterEach(async () => {
    await pop[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
  });
  const get = (file: string, options = {}, top = '/content/site/files'): Promise<Downloaded> =>
    download(pop.content, `${top}/${file}`, options);
  const sums = async (files: readonly string[], top?: string): Promise<readonly string[]> =>
    (await Promise.all(files.map((file) => get(file, {}, top)))).map(({ body }) => sha256(body));

  test('is served on demand: proven, from one transfer, absent what its manifest does not list', async () => {
    const manifest = putFiles(origin, old);
    await start('on-demand');
    expect(await pop.repository('site/files')).toMatchObject({
      content: 'file',
      state: 'current',
      repomd: `sha256:${sha256(manifest)}`,
      packages: { listed: 3, held: 0, unservable: 1 },
    });
    const root = await get('PULP_MANIFEST');
    expect([root.word, root.body.toString(), root.headers['cache-control']]).toEqual(['hit', manifest, 'no-cache']);
    origin.times(1, '/f/tools.tar', flippedAt(1));
    expect(await sums(Object.keys(old))).toEqual(Object.values(old).map(sha256));
    for (const absent of ['else.txt', 'repodata/repomd.xml', '.treeinfo', 'images/updates.img', 'a.rpm'])
      expect([absent, (await get(absent)).word]).toEqual([absent, 'absent']);
    // The manifest proves it: nobody was asked.
    expect(origin.count(/else|repomd|treeinfo|updates/)).toBe(0);
    const range = await get('boot/net.iso', { headers: { range: 'bytes=5-9' } });
    expect([range.status, range.body.toString()]).toEqual([206, old['boot/net.iso'].slice(5, 10)]);
    // Hosts get no section for it: dnf cannot use it.
    expect((await download(pop.content, '/repo-files/vendor.repo')).body.toString()).not.toContain('[');
    const page = (await download(pop.content, '/content/site/files/')).body.toString();
    for (const name of ['PULP_MANIFEST', 'tools.tar', 'boot/']) expect(page).toContain(name);
  });

  test('is held in full, moves as one, and is there after a kill with the upstream dead', async () => {
    putFiles(origin, old);
    await start('full');
    await pop.until(({ subscriptions }) => subscriptions[0]?.repositories[0]?.packages.held === 3);
    const [first] = await pop.generations();
    putFiles(origin, newer);
    expect(await pop.run('sync', '--wait')).toMatchObject({ code: 0 });
    await origin.stop();
    expect(await sums(Object.keys(newer))).toEqual(Object.values(newer).map(sha256));
    expect(await sums(Object.keys(old), `/generations/${first?.id}/site/files`)).toEqual(
      Object.values(old).map(sha256),
    );
    const diff = await pop.run('diff', first?.id ?? '', (await pop.generations())[0]?.id ?? '');
    expect(diff.stdout).toMatch(/more\.bin/);
    await pop.kill();
    // The map is made again from the manifest that is held.
    for (const name of await readdir(join(pop.state, 'maps'))) await rm(join(pop.state, 'maps', name));
    await pop.launch();
    let answer = await get('more.bin');
    while (answer.status === 503 || answer.status === 500) answer = await get('more.bin');
    expect([answer.status, answer.word]).toEqual([200, 'hit']);
    expect(await sums(Object.keys(newer))).toEqual(Object.values(newer).map(sha256));
  });
});
