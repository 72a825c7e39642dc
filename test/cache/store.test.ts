import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { digestOf } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { silentMeter } from '../../base/metrics.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { Store } from '../../cache/store.ts';
import type { StoreOptions } from '../../cache/store.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { generation } from './generation-documents.ts';
import { bytesBelow, file, flipped, mebibyte, readAll, roomy } from './pieces.ts';

const patient = new AbortController().signal;
const run = promisify(execFile);

interface Locked {
  count: number;
}

function openStore(root: string, options: Partial<StoreOptions> & { locked?: Locked } = {}): Promise<Store> {
  const { locked = { count: 0 } } = options;
  const lock = async (): Promise<{ release(): void }> => {
    locked.count += 1;
    return { release: () => void (locked.count -= 1) };
  };
  return Store.open({
    root,
    limits: roomy,
    clock: systemClock,
    log: silentLogger,
    meter: silentMeter,
    lock,
    ...options,
  });
}

async function stored(store: Store, size: number, scope = 'open'): Promise<ReturnType<typeof file>> {
  const made = file(size);
  await store.sink.ensure(scope, made.listed, new ScriptedLoader([{ bytes: made.bytes }]), patient);
  return made;
}

describe('the state directory', () => {
  test('is made with its format, and opened again', async () => {
    await using folder = await temporaryDirectory();
    const root = join(folder.path, 'deep', 'state');
    const before = await openStore(root);
    const { bytes, listed } = await stored(before, 5000);
    await before.publish(generation(1));
    await before.close();
    expect(await readFile(join(root, 'FORMAT'), 'utf8')).toBe('waystation 1\n');
    const after = await openStore(root);
    await after.recovered;
    expect((await readAll((await after.blobs.open('open', listed))!)).bytes).toEqual(bytes);
    expect(after.current('corp')).toEqual(generation(1));
    expect(await after.status()).toMatchObject({ state: 'ok', bytes: 5000, blobs: 1 });
    await after.close();
  });

  test.each(['waystation 2\n', 'waystation', 'something else', ''])(
    'of a format that reads %j is refused, and nothing in it is changed',
    async (text) => {
      await using folder = await temporaryDirectory();
      await writeFile(join(folder.path, 'FORMAT'), text);
      await expect(openStore(folder.path)).rejects.toMatchObject({ code: 'state_format_unknown' });
      expect(await readdir(folder.path)).toEqual(['FORMAT']);
      expect(await readFile(join(folder.path, 'FORMAT'), 'utf8')).toBe(text);
    },
  );

  test('with blobs but without a format is refused', async () => {
    await using folder = await temporaryDirectory();
    await mkdir(join(folder.path, 'blobs', 'open'), { recursive: true });
    await expect(openStore(folder.path)).rejects.toMatchObject({ code: 'state_format_unknown' });
  });

  test('that cannot be made is an error that names it', async () => {
    await using folder = await temporaryDirectory();
    await writeFile(join(folder.path, 'file'), '');
    const root = join(folder.path, 'file', 'state');
    await expect(openStore(root)).rejects.toMatchObject({
      code: 'state_unusable',
      message: expect.stringContaining(root),
    });
  });

  test('that somebody else has is not touched any further', async () => {
    await using folder = await temporaryDirectory();
    const first = await openStore(folder.path);
    await writeFile(join(folder.path, 'parts', 'unlisted-of-the-other'), 'bytes');
    const lock = (): never => {
      throw new WaystationError('state_locked', 'taken');
    };
    await expect(openStore(folder.path, { lock })).rejects.toMatchObject({ code: 'state_locked' });
    expect(await readdir(join(folder.path, 'parts'))).toEqual(['unlisted-of-the-other']);
    await first.close();
  });

  test('is given back when the store closes', async () => {
    await using folder = await temporaryDirectory();
    const locked = { count: 0 };
    const store = await openStore(folder.path, { locked });
    expect(locked.count).toBe(1);
    await store.close();
    expect(locked.count).toBe(0);
  });

  test('on a full disk is served from, and said to be full', async () => {
    await using folder = await temporaryDirectory();
    const before = await openStore(folder.path);
    const { bytes, listed } = await stored(before, 5000);
    await before.close();
    const store = await openStore(folder.path, {
      disk: new FaultyDisk(({ call }) => (call === 'write' ? 'ENOSPC' : null)),
    });
    expect((await store.status()).state).toBe('full');
    expect((await readAll((await store.blobs.open('open', listed))!)).bytes).toEqual(bytes);
    await store.close();
  });
});

const canMount = process.getuid?.() === 0 && (await mountable());

async function mountable(): Promise<boolean> {
  await using folder = await temporaryDirectory();
  try {
    await run('mount', ['-t', 'tmpfs', 'none', folder.path]);
    await run('umount', [folder.path]);
    return true;
  } catch {
    return false;
  }
}

test.skipIf(!canMount)(
  'on a read-only mount (needs root, to mount) what is held is served, and the rest passed through',
  async () => {
    await using folder = await temporaryDirectory();
    await run('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'none', folder.path]);
    try {
      const before = await openStore(folder.path);
      const held = await stored(before, 2 * mebibyte);
      await before.publish(generation(1));
      await before.close();
      await writeFile(join(folder.path, 'parts', 'unlisted-left'), 'bytes');
      await run('mount', ['-o', 'remount,ro', folder.path]);
      const store = await openStore(folder.path);
      await store.recovered;
      expect(await store.status()).toMatchObject({ state: 'read-only', bytes: 2 * mebibyte + 5, blobs: 1 });
      expect(store.current('corp')).toEqual(generation(1));
      expect((await readAll((await store.blobs.open('open', held.listed))!)).bytes.equals(held.bytes)).toBe(true);
      await store.notes.put('a', 1);
      expect(await store.notes.get('a')).toBe(1);
      const fresh = file(2 * mebibyte);
      const loader = new ScriptedLoader([{ bytes: fresh.bytes }]);
      const { source, outcome } = await store.fills.open(
        { scope: 'open', listed: fresh.listed, loader: () => loader },
        0,
      );
      expect(outcome).toBe('bypass');
      expect((await readAll(source)).bytes.equals(fresh.bytes)).toBe(true);
      await expect(store.publish(generation(2))).rejects.toMatchObject({ code: 'disk_read_only' });
      expect(store.current('corp')).toEqual(generation(1));
      await store.close();
    } finally {
      await run('umount', ['-l', folder.path]);
    }
  },
);

describe('after a kill', () => {
  /** A state directory with these files in `parts/`, opened and recovered. */
  async function recovered(root: string, parts: Readonly<Record<string, Buffer>>): Promise<Store> {
    const before = await openStore(root);
    await before.close();
    for (const [name, bytes] of Object.entries(parts)) await writeFile(join(root, 'parts', name), bytes);
    const store = await openStore(root);
    await store.recovered;
    return store;
  }

  const nameOf = (root: string, listed: ReturnType<typeof file>['listed'], scope = 'open'): string =>
    new Layout(root).part(scope, listed).slice(root.length + '/parts/'.length);

  test('what no fill can go on with is removed', async () => {
    await using folder = await temporaryDirectory();
    const long = file(100);
    const store = await recovered(folder.path, {
      'unlisted-abc-1': Buffer.from('x'),
      'kept-abc-1': Buffer.from('x'),
      'map-abc-1': Buffer.from('x'),
      [nameOf(folder.path, long.listed)]: Buffer.concat([long.bytes, Buffer.from('too long')]),
      [nameOf(folder.path, file(50).listed)]: Buffer.alloc(0),
    });
    expect(await readdir(join(folder.path, 'parts'))).toEqual([]);
    expect([store.space.used, store.space.reserved]).toEqual([0, 0]);
    await store.close();
  });

  test.each([1000, 3 * mebibyte])('a complete part of %i bytes is proven and adopted, in its scope', async (size) => {
    await using folder = await temporaryDirectory();
    const { bytes, listed } = file(size);
    const store = await recovered(folder.path, { [nameOf(folder.path, listed, 'corp-1')]: bytes });
    expect(await store.blobs.holds('corp-1', listed)).toBe(true);
    expect(await store.blobs.holds('open', listed)).toBe(false);
    expect([store.space.used, store.space.reserved]).toEqual([size, 0]);
    expect(await store.status()).toMatchObject({ blobs: 1, bytes: size });
    await store.close();
  });

  test.each([1000, 3 * mebibyte])('a part of %i bytes that is not what its name says is never served', async (size) => {
    await using folder = await temporaryDirectory();
    const { bytes, listed } = file(size);
    const store = await recovered(folder.path, { [nameOf(folder.path, listed)]: flipped(bytes, 500) });
    expect(await store.blobs.open('open', listed)).toBeNull();
    expect([store.space.used, store.space.reserved]).toEqual([await bytesBelow(folder.path + '/parts'), 0]);
    await store.sink.ensure('open', listed, new ScriptedLoader([{ bytes }]), patient);
    expect([store.space.used, store.space.reserved]).toEqual([size, 0]);
    await store.close();
  });

  test('an incomplete part is kept, counted, and gone on with from the byte reached', async () => {
    await using folder = await temporaryDirectory();
    const { bytes, listed } = file(3 * mebibyte);
    const store = await recovered(folder.path, { [nameOf(folder.path, listed)]: bytes.subarray(0, 2 * mebibyte) });
    expect(store.space.used).toBe(2 * mebibyte);
    const loader = new ScriptedLoader([{ bytes }]);
    const { source } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
    expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
    expect(loader.opened).toEqual([2 * mebibyte]);
    while (store.space.reserved > 0) await setImmediate();
    expect(store.space.used).toBe(3 * mebibyte);
    await store.close();
  });

  test('an incomplete part that was torn is fetched anew, and no source is blamed for it', async () => {
    await using folder = await temporaryDirectory();
    const { bytes, listed } = file(3 * mebibyte);
    const torn = flipped(bytes, mebibyte).subarray(0, 2 * mebibyte);
    const store = await recovered(folder.path, { [nameOf(folder.path, listed)]: torn });
    const loader = new ScriptedLoader([{ bytes }, { bytes }]);
    await store.sink.ensure('open', listed, loader, patient);
    expect([loader.opened, loader.liars]).toEqual([[2 * mebibyte, 0], []]);
    expect([store.space.used, store.space.reserved]).toEqual([3 * mebibyte, 0]);
    await store.close();
  });

  test('a small incomplete part is fetched anew and counted once', async () => {
    await using folder = await temporaryDirectory();
    const { bytes, listed } = file(5000);
    const store = await recovered(folder.path, { [nameOf(folder.path, listed)]: bytes.subarray(0, 4000) });
    expect(store.space.used).toBe(4000);
    await store.sink.ensure('open', listed, new ScriptedLoader([{ bytes }]), patient);
    expect([store.space.used, store.space.reserved]).toEqual([5000, 0]);
    await store.close();
  });

  test('a part that is a day old is removed', async () => {
    await using folder = await temporaryDirectory();
    const before = await openStore(folder.path);
    await before.close();
    const [old, young] = [file(5000), file(6000)];
    for (const [{ bytes, listed }, hours] of [
      [old, 25],
      [young, 23],
    ] as const) {
      const path = new Layout(folder.path).part('open', listed);
      await writeFile(path, bytes.subarray(0, 100));
      const time = Date.now() / 1000 - hours * 3600;
      await utimes(path, time, time);
    }
    const store = await openStore(folder.path);
    await store.recovered;
    expect(await readdir(join(folder.path, 'parts'))).toEqual([nameOf(folder.path, young.listed)]);
    await store.close();
  });

  test('a client that meets an adoption which fails is served by its own source', async () => {
    await using folder = await temporaryDirectory();
    const { bytes, listed } = file(3 * mebibyte);
    await (await openStore(folder.path)).close();
    await writeFile(new Layout(folder.path).part('open', listed), flipped(bytes, 5));
    const store = await openStore(folder.path);
    const loader = new ScriptedLoader([{ bytes }]);
    const request = { scope: 'open', listed, loader: () => loader };
    while (store.fills.active === 0) await setImmediate();
    const { source } = await store.fills.open(request, 0);
    expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
    await store.close();
  });

  test('blobs are counted from their names: files with two names once, foreign names not at all', async () => {
    await using folder = await temporaryDirectory();
    const before = await openStore(folder.path);
    for (const scope of ['open', 'corp-1']) await stored(before, 5000, scope);
    const sha512 = file(7000, 'sha512');
    await before.sink.ensure('open', sha512.listed, new ScriptedLoader([{ bytes: sha512.bytes }]), patient);
    await before.close();
    await writeFile(join(folder.path, 'blobs', 'open', 'foreign'), 'x');
    const where = new Layout(folder.path).blobFolder('open', sha512.listed.digest);
    await writeFile(join(where, 'not-a-blob'), 'x');
    const blob = basename(new Layout(folder.path).blob('open', sha512.listed));
    await writeFile(join(where, `${'0'.repeat(128)}.7`), 'in the folder of others');
    await writeFile(join(where, `${blob}.bak`), 'x');
    // Else nothing is counted.
    await rm(new Layout(folder.path).snapshot);
    const store = await openStore(folder.path);
    await store.recovered;
    expect([store.space.used, (await store.status()).blobs]).toEqual([17_000, 4]);
    expect(await store.blobs.holds('open', { digest: digestOf(sha512.bytes), size: 7000 })).toBe(true);
    await store.close();
  });

  test('folders that cannot be listed cost their count, not the start', async () => {
    await using folder = await temporaryDirectory();
    const before = await openStore(folder.path);
    const { bytes, listed } = await stored(before, 5000);
    await before.close();
    const disk = new FaultyDisk();
    const { list } = disk;
    const sick = async (path: string): Promise<readonly string[]> => {
      if (/parts$|sha256$/.test(path)) throw Object.assign(new Error('bad sector'), { code: 'EIO' });
      return list(path);
    };
    const store = await openStore(folder.path, { disk: Object.assign(disk, { list: sick }) });
    await store.recovered;
    expect((await readAll((await store.blobs.open('open', listed))!)).bytes).toEqual(bytes);
    await store.close();
  });
});

test('how much of a repository is held is counted by what lies in its scope', async () => {
  await using folder = await temporaryDirectory();
  const store = await openStore(folder.path);
  const [held, other] = [await stored(store, 5000), file(300)];
  const primary = digestOf('primary');
  await store.sink.writeMap(primary, async (to) => {
    const same = { name: 'n', epoch: '0', version: '1', release: '1', arch: 'noarch' };
    to.add({ href: 'held.rpm', listed: held.listed, ...same });
    to.add({ href: 'other.rpm', listed: other.listed, ...same });
    to.unservable({ href: '/absolute.rpm', reason: 'absolute' });
  });
  const document = { ...generation(1).repositories['site/base']!, map: primary };
  expect(await store.holdings('site/base', document)).toEqual({
    packages: { listed: 2, held: 1, unservable: 1 },
    bytes: { listed: 5300, held: 5000 },
    tree: { listed: 0, held: 0 },
  });
  const elsewhere = await store.holdings('site/base', { ...document, scope: 'corp-1' });
  expect(elsewhere.packages.held).toBe(0);
  await store.close();
});

test('when a client last read a repomd.xml is remembered by path', async () => {
  await using folder = await temporaryDirectory();
  const store = await openStore(folder.path);
  expect(store.repomdServedAt('a')).toBeNull();
  store.repomdServed('a');
  expect(store.repomdServedAt('a')).toBeTypeOf('number');
  expect(store.repomdServedAt('b')).toBeNull();
  await store.close();
  await rm(folder.path, { recursive: true });
});
