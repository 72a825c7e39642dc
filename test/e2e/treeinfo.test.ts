import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FaultyOrigin, flippedAt, portalPage } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import type { Downloaded } from '../support/http-download.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { Pop } from '../support/pop.ts';

const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
const image = incompressibleText(2 << 20, 'i');
const newer = incompressibleText(2 << 20, 'j');
const boot = '/content/r/images/boot.iso';
const tree = '/content/r/.treeinfo';
const treeinfo = (bytes: string): string =>
  `[general]\nfamily = Test\n\n[checksums]\nimages/boot.iso = sha256:${sha256(bytes)}\n`;

describe('an image that .treeinfo lists', () => {
  let origin: FaultyOrigin;
  let pop: Pop;
  beforeEach(async () => {
    origin = await FaultyOrigin.start();
    putRepository(origin, 'r', { packages: { 'a.rpm': 'a' } });
    origin.put('/r/.treeinfo', treeinfo(image));
    origin.put('/r/images/boot.iso', image);
    pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
  });
  afterEach(async () => {
    await pop[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
  });
  const get = (path: string): Promise<Downloaded> => download(pop.content, path);
  /** Fetches a file and waits until it is kept. */
  const keep = async (path: string): Promise<Downloaded> => {
    const answer = await get(path);
    await pop.held(path);
    return answer;
  };

  test('is kept when it is that, and wrong bytes before were cut short and left nothing', async () => {
    await keep(tree);
    origin.times(1, '/r/images/boot.iso', flippedAt(image.length - 1));
    const wrong = await get(boot);
    expect([wrong.complete, wrong.body.length <= image.length - 65_536]).toEqual([false, true]);
    const line = await pop.accessLine(({ path }) => path === boot);
    expect(line).toMatchObject({ outcome: 'error', bytes: wrong.body.length });
    const right = await keep(boot);
    expect([right.complete, right.word, sha256(right.body)]).toEqual([true, 'unlisted-miss', sha256(image)]);
    await origin.stop();
    expect(await get(boot)).toMatchObject({ status: 200, word: 'unlisted-hit', complete: true });
  });

  test('is served without asking for it again as long as the .treeinfo lists it', async () => {
    await keep(tree);
    await keep(boot);
    origin.put('/r/images/boot.iso', newer);
    expect(await get(boot)).toMatchObject({ word: 'unlisted-hit' });
    expect(origin.count('/r/images/boot.iso')).toBe(1);
  });

  test('is taken anew after its tree changed under a .treeinfo that was held: the first is cut, the next is right', async () => {
    await keep(tree);
    origin.put('/r/.treeinfo', treeinfo(newer));
    origin.put('/r/images/boot.iso', newer);
    expect((await get(boot)).complete).toBe(false);
    // The contradiction made the PoP ask for .treeinfo.
    await origin.requested('/r/.treeinfo', 2);
    let answer = await get(boot);
    while (!answer.complete) answer = await get(boot);
    expect(sha256(answer.body)).toBe(sha256(newer));
    await pop.held(boot);
    expect((await get(tree)).body.toString()).toBe(treeinfo(newer));
  });

  test('is fetched again when it was kept for another tree', async () => {
    await keep(boot);
    origin.put('/r/.treeinfo', treeinfo(newer));
    origin.put('/r/images/boot.iso', newer);
    await keep(tree);
    const answer = await keep(boot);
    expect([answer.word, sha256(answer.body)]).toEqual(['unlisted-miss', sha256(newer)]);
    // The copy of the other tree is held until the new one has its name.
    let again = await get(boot);
    while (again.word === 'unlisted-miss') again = await get(boot);
    expect([again.word, sha256(again.body)]).toEqual(['unlisted-hit', sha256(newer)]);
    expect(origin.count('/r/images/boot.iso')).toBe(2);
  });

  test('is nobody’s portal page, before and after it is kept', async () => {
    await keep(tree);
    const rule = origin.on('/r/images/boot.iso', portalPage());
    expect(await get(boot)).toMatchObject({ status: 504, word: 'unavailable' });
    rule.remove();
    await keep(boot);
    origin.on(/./, portalPage());
    expect(sha256((await get(boot)).body)).toBe(sha256(image));
  });

  test('may have a range taken from it, and is answered whole while it comes', async () => {
    await keep(tree);
    const cold = await download(pop.content, boot, { headers: { range: 'bytes=0-9' } });
    expect([cold.status, sha256(cold.body)]).toEqual([200, sha256(image)]);
    await pop.held(boot);
    const warm = await download(pop.content, boot, { headers: { range: 'bytes=0-9' } });
    expect([warm.status, warm.body.toString()]).toEqual([206, image.slice(0, 10)]);
  });
});
