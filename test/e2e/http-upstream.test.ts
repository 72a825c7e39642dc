import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { hexOf } from '../../base/digest.ts';
import { zchunkHeader } from '../../yum/zchunk-header.ts';
import { FaultyOrigin, flippedAt, status } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { Pop } from '../support/pop.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, tool } from '../support/tools.ts';
import { treeinfoText } from '../support/treeinfo-text.ts';

const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
const big = incompressibleText(3 << 20);

describe("an upstream's refusals of a listed file", () => {
  test.each([404, 403, 500, 503])('%i is 504 here, never an absence', async (code) => {
    await using origin = await FaultyOrigin.start();
    putRepository(origin, 'r', { packages: { 'a.rpm': 'a' } });
    await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
    origin.on('/r/a.rpm', status(code));
    const answer = await download(pop.content, '/content/r/a.rpm');
    expect(answer).toMatchObject({ status: 504, word: 'unavailable' });
    expect(answer.took).toBeLessThan(10_000);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });
});

describe('a file that does not fit in the cache', () => {
  test('is served without being stored, one transfer each', async () => {
    await using origin = await FaultyOrigin.start();
    putRepository(origin, 'r', { packages: { 'big.rpm': big, 'a.rpm': 'a' }, types: ['primary'] });
    await using pop = await Pop.start({
      repositories: [{ path: 'r', url: `${origin.url}r/` }],
      config: { cache: { max: '1MiB', keepFree: '0%' } },
    });
    await pop.published();
    for (let time = 0; time < 2; time++) {
      const answer = await download(pop.content, '/content/r/big.rpm');
      expect(answer).toMatchObject({ status: 200, word: 'bypass', complete: true });
      expect(sha256(answer.body)).toBe(sha256(big));
    }
    expect(origin.count('/r/big.rpm')).toBe(2);
    expect(await download(pop.content, '/content/r/a.rpm')).toMatchObject({ word: 'miss' });
    origin.on('/r/big.rpm', flippedAt(big.length - 1));
    const wrong = await download(pop.content, '/content/r/big.rpm');
    expect([wrong.complete, wrong.body.length < big.length]).toEqual([false, true]);
    expect(wrong.body.length).toBeGreaterThan(big.length / 2);
  });
});

describeWith([tool('zck')], 'the real zchunk downloader', () => {
  test('takes from the PoP only what changed, many ranges at a time, also of a file that is not held yet', async () => {
    const run = promisify(execFile);
    await using folder = await temporaryDirectory();
    const before = Buffer.from(incompressibleText(3 << 20, 'z'));
    const after = Buffer.from(before);
    for (let place = 1; place <= 40; place++) after.write('changed', place * 75_000);
    for (const [name, bytes] of [
      ['before', before],
      ['after', after],
    ] as const) {
      await writeFile(join(folder.path, name), bytes);
      await run('zck', ['-o', `${name}.zck`, name], { cwd: folder.path });
    }
    const zck = await readFile(join(folder.path, 'after.zck'));
    await using origin = await FaultyOrigin.start();
    const { repomd } = putRepository(origin, 'r', { packages: { 'a.rpm': 'a' } });
    const unread = await readFile(join(folder.path, 'before.zck'));
    origin.put('/r/cold/before.zck', unread);
    origin.put('/r/.treeinfo', treeinfoText({ files: { 'cold/before.zck': unread }, variants: [] }));
    const header = zchunkHeader(zck) ?? expect.unreachable('zck made it');
    const record = `<data type="other_zck"><checksum type="sha256">${sha256(zck)}</checksum><location href="repodata/after.zck"/><size>${zck.length}</size>
<header-checksum type="sha256">${hexOf(header.digest)}</header-checksum><header-size>${header.size}</header-size></data></repomd>`;
    origin.put('/r/repodata/after.zck', zck);
    origin.put('/r/repodata/repomd.xml', repomd.toString().replace('</repomd>', record));
    await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
    await writeFile(join(folder.path, 'after.zck'), '');
    await run('rm', ['after.zck'], { cwd: folder.path });
    const url = `${pop.content}/content/r/repodata/after.zck`;
    await run('zckdl', ['--fail-no-ranges', '--source', 'before.zck', url], { cwd: folder.path });
    expect(sha256(await readFile(join(folder.path, 'after.zck')))).toBe(sha256(zck));
    const lines = pop.access.filter(({ path }) => path.endsWith('after.zck'));
    expect(lines.every((line) => line.status === 206 && line.outcome === 'hit')).toBe(true);
    expect(lines.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(zck.length * 0.9);
    // The same of one that nobody fetched yet: the ranges wait for the one transfer.
    await run('rm', ['before.zck'], { cwd: folder.path });
    const cold = `${pop.content}/content/r/cold/before.zck`;
    await run('zckdl', ['--fail-no-ranges', '--source', 'after.zck', cold], { cwd: folder.path });
    expect(sha256(await readFile(join(folder.path, 'before.zck')))).toBe(sha256(unread));
    expect(origin.count('/r/cold/before.zck')).toBe(1);
    const first = pop.access.find(({ path }) => path.endsWith('cold/before.zck'));
    expect(first).toMatchObject({ status: 206, outcome: 'miss' });
  });
});
