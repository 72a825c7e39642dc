import { createGzip } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FaultyOrigin, flippedAt, type Lie, portalPage, shorterBy, status } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { packageElement, primaryOf, putPrimary } from '../support/primary-by-hand.ts';
import { Pop } from '../support/pop.ts';

const version = (number: number): Record<string, string> => ({
  [`a-${number}.rpm`]: `a ${number}`,
  'same.rpm': 'same',
});

describe('a new version', () => {
  test('is served once `sync --wait` ends with 0; what the old one listed stays', async () => {
    await using origin = await FaultyOrigin.start();
    putRepository(origin, 'r', { packages: version(1) });
    await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
    const get = (file: string): ReturnType<typeof download> => download(pop.content, `/content/r/${file}`);
    expect((await get('a-2.rpm')).status).toBe(404);
    putRepository(origin, 'r', { packages: version(2) });
    expect(await pop.run('sync', '--wait')).toMatchObject({ code: 0, stderr: '' });
    expect((await get('a-2.rpm')).body.toString()).toBe('a 2');
    // Never fetched before the flip: the old generation still lists it.
    expect((await get('a-1.rpm')).body.toString()).toBe('a 1');
    expect(await pop.run('sync', '--wait')).toMatchObject({ code: 0 });
    expect((await pop.generations()).length).toBe(2);
  });

  test('is visible within 5 s of the poll that sees it, and never mixed with the old one', async () => {
    await using origin = await FaultyOrigin.start();
    putRepository(origin, 'r', { packages: version(1) });
    await using pop = await Pop.start({ refresh: '1s', repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
    for (let number = 2; number <= 4; number++) {
      const { repomd } = putRepository(origin, 'r', { packages: version(number) });
      const seen = origin.count('/r/repodata/repomd.xml');
      await origin.requested('/r/repodata/repomd.xml', seen + 1);
      const polled = performance.now();
      for (;;) {
        const served = await download(pop.content, '/content/r/repodata/repomd.xml');
        // Every record of the repomd.xml that is served is there, whichever it is.
        for (const [, href = ''] of served.body.toString().matchAll(/<location href="([^"]+)"/g))
          expect((await download(pop.content, `/content/r/${href}`)).status).toBe(200);
        if (served.body.equals(repomd)) break;
      }
      expect(performance.now() - polled).toBeLessThan(5_000);
    }
  });
});

describe('an upstream that goes wrong', () => {
  let origin: FaultyOrigin;
  let pop: Pop;
  let good: Buffer;
  beforeAll(async () => {
    origin = await FaultyOrigin.start();
    for (const path of ['r', 'sound']) putRepository(origin, path, { packages: version(1) });
    pop = await Pop.start({
      repositories: ['r', 'sound'].map((path) => ({ path, url: `${origin.url}${path}/` })),
    });
    await pop.published();
    good = (await download(pop.content, '/content/r/repodata/repomd.xml')).body;
    putRepository(origin, 'r', { packages: version(2) });
  });
  afterAll(async () => {
    await pop[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
  });

  const primary = /^\/r\/repodata\/.*primary/;
  const faults: [string, string | RegExp, Lie, RegExp][] = [
    ['an HTML page instead of repomd.xml', '/r/repodata/repomd.xml', portalPage(), /repomd_invalid/],
    ['half a repomd.xml', '/r/repodata/repomd.xml', shorterBy(300), /repomd_invalid/],
    ['no repomd.xml', '/r/repodata/repomd.xml', status(404), /upstream_missing/],
    ['a refusal', '/r/repodata/repomd.xml', status(403), /upstream_(status|unauthorized)/],
    ['an altered record', primary, flippedAt(20), /upstream_lied|record_mismatch/],
    ['a truncated record', primary, shorterBy(20), /upstream_lied|record_mismatch/],
    ['a page instead of a record', primary, portalPage(), /upstream_lied|record_mismatch/],
    ['no record', primary, status(404), /upstream_missing|record_mismatch/],
  ];
  test.each(faults)('with %s ends `sync --wait` with 1, its path and why; what was served stays', async (...fault) => {
    const [, match, lie, code] = fault;
    const rule = origin.on(match, lie);
    const { code: exit, stderr } = await pop.run('sync', '--wait');
    rule.remove();
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^vendor: r: /);
    expect(stderr).toMatch(code);
    const served = await download(pop.content, '/content/r/repodata/repomd.xml');
    expect([served.status, served.body.equals(good)]).toEqual([200, true]);
    expect((await pop.repository('r')).state).toBe('behind');
    expect((await pop.repository('r')).reason).toMatch(code);
    expect((await pop.repository('sound')).state).toBe('current');
  });

  test('is followed again once it is right', async () => {
    expect(await pop.run('sync', '--wait')).toMatchObject({ code: 0 });
    expect(await pop.repository('r')).toMatchObject({ state: 'current', reason: null });
    expect((await download(pop.content, '/content/r/a-2.rpm')).body.toString()).toBe('a 2');
  });
});

describe('hostile metadata', () => {
  test('a primary that unpacks to far more than it says is refused in bounded memory', async () => {
    await using origin = await FaultyOrigin.start();
    putPrimary(origin, 'bomb', await gzippedZeros(1 << 30), { openSize: 1000 });
    putPrimary(origin, 'honest-bomb', await gzippedZeros(1 << 30), { openSize: 1 << 30 });
    putRepository(origin, 'sound', { packages: version(1) });
    await using pop = await Pop.start({
      repositories: ['bomb', 'honest-bomb', 'sound'].map((path) => ({ path, url: `${origin.url}${path}/` })),
    });
    await pop.looked();
    for (const path of ['bomb', 'honest-bomb']) {
      const { state, reason } = await pop.repository(path);
      expect([path, state, reason]).toEqual([path, 'pending', expect.stringMatching(/record_mismatch|metadata_/)]);
    }
    expect((await pop.repository('sound')).state).toBe('current');
    const metrics = await (await fetch(`${pop.admin}/metrics`)).text();
    const rss = Number(/^(?:waystation_)?process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1]);
    expect(rss).toBeLessThan(400 << 20);
  });

  test('packages that escape, are absolute or differ under one name are counted, and the rest is served', async () => {
    await using origin = await FaultyOrigin.start();
    origin.put('/secret.rpm', 'secret');
    origin.put('/r/good.rpm', 'good');
    origin.put('/r/twice.rpm', 'twice');
    const elements = [
      packageElement('good.rpm', 'good'),
      packageElement('../secret.rpm', 'secret'),
      packageElement('a/../../secret.rpm', 'secret'),
      packageElement('/secret.rpm', 'secret'),
      packageElement('http://elsewhere.example/secret.rpm', 'secret'),
      packageElement('clash.rpm', 'one'),
      packageElement('clash.rpm', 'other'),
      // The same file twice is one file.
      packageElement('twice.rpm', 'twice'),
      packageElement('twice.rpm', 'twice'),
    ];
    putPrimary(origin, 'r', primaryOf(...elements));
    await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
    expect(await pop.repository('r')).toMatchObject({ state: 'current', packages: { listed: 2, unservable: 5 } });
    for (const [file, code] of [
      ['good.rpm', 200],
      ['twice.rpm', 200],
      ['clash.rpm', 404],
      ['secret.rpm', 404],
      ['a/../../secret.rpm', 400],
    ] as const)
      expect([file, (await download(pop.content, `/content/r/${file}`)).status]).toEqual([file, code]);
    expect(origin.count('/secret.rpm')).toBe(0);
    const named = pop.lines.filter((line) => JSON.stringify(line).includes('clash.rpm'));
    expect(named.length).toBeGreaterThan(0);
  });
});

async function gzippedZeros(bytes: number): Promise<Buffer> {
  const gzip = createGzip({ level: 9 });
  const chunks: Buffer[] = [];
  gzip.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve) => gzip.once('end', resolve));
  const zeros = Buffer.alloc(1 << 20);
  for (let at = 0; at < bytes; at += zeros.length)
    if (!gzip.write(zeros)) await new Promise((resolve) => gzip.once('drain', resolve));
  gzip.end();
  await ended;
  return Buffer.concat(chunks);
}
