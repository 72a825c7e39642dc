import { randomBytes } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import type { RunStatus } from '../../base/status.ts';
import { systemDisk } from '../../disk/disk.ts';
import { placeOf } from '../../cache/upkeep/blob-walk.ts';
import type { BlobName } from '../../cache/upkeep/blob-walk.ts';
import { select } from '../../cache/upkeep/selection.ts';
import type { VerifyTarget } from '../../cache/upkeep/selection.ts';
import { UpkeepRuns } from '../../cache/upkeep/upkeep-runs.ts';
import { Verification } from '../../cache/upkeep/verification.ts';
import { bytesOf, publish, quiet, rot, upkeepFixture } from './upkeep-fixture.ts';
import type { Published, UpkeepFixture } from './upkeep-fixture.ts';

const everything: VerifyTarget = { kind: 'all' };
const at = (path: string): VerifyTarget => ({ kind: 'path', path });
const corp: VerifyTarget = { kind: 'subscription', name: 'corp' };

async function verified(fixture: UpkeepFixture, target: VerifyTarget): Promise<RunStatus> {
  const { references, audit, notes } = fixture.store;
  const runs = await UpkeepRuns.open({ notes, clock: systemClock, log: silentLogger });
  const verification = new Verification({ audit, references, repair: fixture.repair });
  const run = runs.start({ kind: 'verify', subscription: null }, verification.work(await select(references, target)));
  return run.ended;
}

function held(run: RunStatus): RunStatus['phases'][number] | undefined {
  return run.phases.find(({ name }) => name === 'held files');
}

function blob(published: Published, href: string): BlobName {
  const found = published.get(href);
  if (found === undefined) throw new Error(`${href} was not published`);
  return found;
}

/** Two packages, one of them in a folder, and one that nobody asked for yet. */
const packages = { 'a.rpm': randomBytes(5_000), 'Packages/b.rpm': randomBytes(70_000), 'cold.rpm': randomBytes(900) };
const recipe = { packages, cold: ['cold.rpm'] };

describe('verify', () => {
  test('reads all that is held, and is done when it is right', async () => {
    await using fixture = await upkeepFixture();
    const published = await publish(fixture, recipe);
    const bytes = [...published].reduce((sum, [href, { listed }]) => sum + (href === 'cold.rpm' ? 0 : listed.size), 0);
    for (const target of [everything, corp]) {
      const run = await verified(fixture, target);
      expect(run).toMatchObject({ kind: 'verify', state: 'done', failures: [] });
      expect(held(run)).toMatchObject({ done: 4, total: 4, bytes, totalBytes: bytes });
    }
  });

  test.each([
    ['everything', everything],
    ['its subscription', corp],
    ['its repository', at('site/base')],
    ['what lies above its repository', at('site')],
    ['its folder', at('site/base/Packages')],
    ['itself', at('site/base/Packages/b.rpm')],
  ])('finds a flipped bit that no time tells of, in %s, and has the file fetched again', async (_, target) => {
    await using fixture = await upkeepFixture();
    const published = await publish(fixture, recipe);
    const victim = blob(published, 'Packages/b.rpm');
    await rot(fixture, victim);
    const run = await verified(fixture, target);
    expect(run.state).toBe('done');
    expect(run.failures).toEqual([
      expect.objectContaining({ path: 'site/base/Packages/b.rpm', code: 'blob_damaged', attempts: 1, healed: true }),
    ]);
    expect((await bytesOf(fixture, victim))?.equals(packages['Packages/b.rpm'])).toBe(true);
    expect(await readdir(fixture.layout.damaged)).toHaveLength(1);
    expect(fixture.failures()).toBe(1);
    expect(fixture.lines).toContainEqual(
      expect.objectContaining({ fields: expect.objectContaining({ path: 'site/base/Packages/b.rpm' }) }),
    );
  });

  test('of another folder does not look at it', async () => {
    await using fixture = await upkeepFixture();
    const published = await publish(fixture, recipe);
    await rot(fixture, blob(published, 'a.rpm'));
    expect(await verified(fixture, at('site/base/Packages'))).toMatchObject({ state: 'done', failures: [] });
  });

  test('of a file that no upstream can give now fails, and the file is gone from its name', async () => {
    await using fixture = await upkeepFixture();
    const published = await publish(fixture, recipe);
    fixture.upstreams.clear();
    await rot(fixture, blob(published, 'a.rpm'));
    const run = await verified(fixture, corp);
    expect(run.state).toBe('failed');
    expect(run.failures).toMatchObject([{ path: 'site/base/a.rpm', code: 'blob_damaged', attempts: 0 }]);
    expect(run.failures[0]?.healed).toBeUndefined();
    expect(await bytesOf(fixture, blob(published, 'a.rpm'))).toBeNull();
  });

  test('asks the next repository that lists the file when the first cannot give it', async () => {
    await using fixture = await upkeepFixture();
    const published = await publish(fixture, recipe);
    await publish(fixture, { ...recipe, path: 'site/copy', number: 2 });
    fixture.upstreams.get('site/base')?.delete('a.rpm');
    await rot(fixture, blob(published, 'a.rpm'));
    const run = await verified(fixture, everything);
    expect(run).toMatchObject({ state: 'done', failures: [{ attempts: 2, healed: true }] });
  });

  test('looks at what only an older kept generation lists', async () => {
    await using fixture = await upkeepFixture();
    const published = await publish(fixture, { packages: { 'old.rpm': randomBytes(500), ...packages } });
    await publish(fixture, { packages, number: 2 });
    await rot(fixture, blob(published, 'old.rpm'));
    const run = await verified(fixture, at('site/base/old.rpm'));
    expect(run.failures).toMatchObject([{ path: 'site/base/old.rpm' }]);
    // What both generations list was read once.
    expect(held(await verified(fixture, at('site/base/a.rpm')))?.done).toBe(1);
  });

  test.each([everything, corp])('has a lost record fetched again, or says that it is lost (%j)', async (target) => {
    await using fixture = await upkeepFixture();
    const published = await publish(fixture, recipe);
    const record = blob(published, 'repodata/1-primary.xml.gz');
    await rm(fixture.layout.blob(record.scope, record.listed));
    expect(await verified(fixture, target)).toMatchObject({
      state: 'done',
      failures: [{ path: 'site/base/repodata/1-primary.xml.gz', healed: true }],
    });
    await quiet(fixture.store);
    await rm(fixture.layout.blob(record.scope, record.listed));
    fixture.upstreams.clear();
    const run = await verified(fixture, target);
    expect(run).toMatchObject({ state: 'failed', failures: [{ path: 'site/base/repodata/1-primary.xml.gz' }] });
    expect(run.failures[0]?.reason).toContain('lost');
  });

  test('takes repomd.xml from an upstream that still has it, and calls none a liar that has a newer one', async () => {
    await using fixture = await upkeepFixture();
    const published = await publish(fixture, recipe);
    const repomd = blob(published, 'repodata/repomd.xml');
    await rot(fixture, repomd);
    expect(await verified(fixture, corp)).toMatchObject({ state: 'done', failures: [{ healed: true }] });
    await quiet(fixture.store);
    fixture.upstreams.get('site/base')?.set('repodata/repomd.xml', randomBytes(repomd.listed.size));
    await rot(fixture, repomd);
    expect(await verified(fixture, corp)).toMatchObject({ state: 'failed', failures: [{ attempts: 1 }] });
    expect(fixture.liars).toEqual([]);
  });

  test('moves a damaged file aside that nothing refers to, which is no harm', async () => {
    await using fixture = await upkeepFixture();
    const published = await publish(fixture, recipe);
    const victim = blob(published, 'a.rpm');
    await rot(fixture, victim);
    await rm(fixture.layout.generations, { recursive: true });
    await fixture.reopen();
    const run = await verified(fixture, everything);
    expect(run).toMatchObject({ state: 'done', failures: [{ path: placeOf(victim), healed: true }] });
    expect(await bytesOf(fixture, victim)).toBeNull();
  });

  test('names the file that no metadata lists, which is fetched again when it is asked for', async () => {
    await using fixture = await upkeepFixture();
    const listed = await fixture.store.sink.keep('open', Buffer.from('an image'));
    const pointer = {
      format: 1,
      repository: 'site/base',
      file: 'images/boot.iso',
      scope: 'open',
      ...listed,
      contentType: null,
      etag: null,
      lastModified: null,
      fetched: '2026-11-23T10:15:00Z',
    };
    await writeFile(fixture.layout.unlistedEntry('site/base', 'images/boot.iso'), JSON.stringify(pointer));
    await rot(fixture, { scope: 'open', listed });
    const run = await verified(fixture, everything);
    expect(run).toMatchObject({ state: 'failed', failures: [{ path: 'site/base/images/boot.iso', attempts: 0 }] });
  });

  test('finds the repository of a file that is listed by a weak digest, in its own scope', async () => {
    await using fixture = await upkeepFixture();
    const published = await publish(fixture, { packages: { 'old.rpm': randomBytes(500) }, algorithm: 'md5' });
    const victim = blob(published, 'old.rpm');
    expect(victim.scope).not.toBe('open');
    await rot(fixture, victim);
    const run = await verified(fixture, everything);
    expect(run.state).toBe('done');
    expect(run.failures).toContainEqual(expect.objectContaining({ path: 'site/base/old.rpm', attempts: 1 }));
  });

  test('heals every name of a file that several scopes share, and its room is counted once', async () => {
    await using fixture = await upkeepFixture();
    const shared = { 'a.rpm': randomBytes(5_000) };
    const open = await publish(fixture, { packages: shared });
    const guarded = await publish(fixture, { packages: shared, path: 'site/guarded', scope: 'pulp-0', number: 2 });
    const before = fixture.store.space.used;
    await rot(fixture, blob(open, 'a.rpm'));
    const names = [blob(open, 'a.rpm'), blob(guarded, 'a.rpm')];
    expect(await verified(fixture, everything)).toMatchObject({ state: 'done', failures: [{}, {}] });
    for (const name of names) expect((await bytesOf(fixture, name))?.equals(shared['a.rpm'])).toBe(true);
    expect(fixture.store.space.used).toBe(before);
  });

  test('says which package map is damaged, and goes on with the rest', async () => {
    await using fixture = await upkeepFixture();
    await publish(fixture, recipe);
    const other = await publish(fixture, { packages: { 'c.rpm': randomBytes(10) }, path: 'site/extra', number: 2 });
    const [map] = await readdir(fixture.layout.maps);
    await fixture.reopen();
    await writeFile(join(fixture.layout.maps, map ?? ''), 'torn');
    const run = await verified(fixture, corp);
    expect(run.state).toBe('failed');
    expect(run.failures).toMatchObject([{ path: expect.stringMatching(/^site\/(base|extra)$/), code: 'blob_damaged' }]);
    expect(held(run)?.done).toBeGreaterThanOrEqual(other.size);
  });

  test('of a name that is none says so', async () => {
    await using fixture = await upkeepFixture();
    await publish(fixture, recipe);
    const { references } = fixture.store;
    await expect(select(references, { kind: 'subscription', name: 'crop' })).rejects.toMatchObject({
      code: 'unknown_subscription',
    });
    for (const path of ['site/bas', 'site/base/nosuch', 'site/base/a.rp'])
      await expect(select(references, at(path))).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a disk that cannot read', () => {
  /** The real disk on which some blobs cannot be read. */
  const unreadable = (isBad: (path: string) => boolean, code = 'EIO') => ({
    ...systemDisk,
    openRead: async (path: string) => {
      const file = await systemDisk.openRead(path);
      const broken = (): Promise<number> => Promise.reject(Object.assign(new Error(code), { code }));
      return file === null || !isBad(path) ? file : { ...file, read: broken };
    },
  });

  test('a file has it moved aside and fetched again', async () => {
    let bad = '';
    await using fixture = await upkeepFixture({ disk: unreadable((path) => path === bad) });
    const published = await publish(fixture, recipe);
    const victim = blob(published, 'a.rpm');
    bad = fixture.layout.blob(victim.scope, victim.listed);
    const run = await verified(fixture, corp);
    expect(run).toMatchObject({ state: 'done', failures: [{ path: 'site/base/a.rpm', healed: true }] });
    expect(run.failures[0]?.reason).toContain('EIO');
    expect(await readdir(fixture.layout.damaged)).toHaveLength(1);
  });

  test('anything at all keeps its files where they are, and the cache is failing', async () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`${n}.rpm`, randomBytes(100 + n)]));
    let sick = false;
    const disk = unreadable((path) => sick && path.includes('/blobs/'));
    await using fixture = await upkeepFixture({ disk });
    await publish(fixture, { packages: many });
    sick = true;
    fixture.upstreams.clear();
    const run = await verified(fixture, corp);
    expect(run.state).toBe('failed');
    expect(run.failures).toHaveLength(32);
    expect(await readdir(fixture.layout.damaged)).toHaveLength(7);
    expect(fixture.store.space.state).toBe('failing');
  });

  test('what was replaced in the meantime is asked again before anything is moved', async () => {
    let path = '';
    let reads = 0;
    const disk = {
      ...systemDisk,
      openRead: async (asked: string) => {
        const file = await systemDisk.openRead(asked);
        if (file === null || asked !== path) return file;
        reads += 1;
        if (reads > 1) return file;
        // Hashed as it was before; by the end a client had it fetched again.
        const bytes = await systemDisk.readFile(path);
        await writeFile(`${path}.part`, bytes ?? '');
        await systemDisk.rename(`${path}.part`, path);
        return { ...file, read: async (buffer: Buffer, _: number, length: number) => buffer.fill(0, 0, length).length };
      },
    };
    await using fixture = await upkeepFixture({ disk });
    const published = await publish(fixture, recipe);
    const { scope, listed } = blob(published, 'a.rpm');
    path = fixture.layout.blob(scope, listed);
    expect(await verified(fixture, at('site/base/a.rpm'))).toMatchObject({ state: 'done', failures: [] });
    expect(reads).toBe(2);
    expect(fixture.failures()).toBe(0);
  });

  test('for want of rights touches no file', async () => {
    let bad = false;
    await using fixture = await upkeepFixture({
      disk: unreadable((path) => bad && path.includes('/blobs/'), 'EACCES'),
    });
    const published = await publish(fixture, recipe);
    bad = true;
    const run = await verified(fixture, at('site/base/a.rpm'));
    expect(run).toMatchObject({ state: 'failed', failures: [{ path: 'site/base/a.rpm', attempts: 0 }] });
    expect(await bytesOf(fixture, blob(published, 'a.rpm'))).not.toBeNull();
  });

  test('nor rename says that the disk is failing', async () => {
    const disk = {
      ...systemDisk,
      rename: (from: string, to: string) =>
        to.includes('/damaged/')
          ? Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
          : systemDisk.rename(from, to),
    };
    await using fixture = await upkeepFixture({ disk });
    const published = await publish(fixture, recipe);
    await rot(fixture, blob(published, 'a.rpm'));
    const run = await verified(fixture, corp);
    expect(run).toMatchObject({ state: 'failed', failures: [{ path: 'site/base/a.rpm' }] });
    expect(run.failures[0]?.reason).toContain('cannot be moved aside');
    expect(fixture.store.space.state).toBe('failing');
  });
});
