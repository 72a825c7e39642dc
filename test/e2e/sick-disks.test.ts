import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { metadataRun } from '../support/metadata-run.ts';
import {
  ext4FileSystem,
  failedFileSystem,
  loopDevices,
  mounts,
  remounted,
  smallFileSystem,
} from '../support/mounts.ts';
import { Pop } from '../support/pop.ts';
import { freeBytes, Others, takenBytes } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith } from '../support/tools.ts';

const mebibyte = 1 << 20;
const large = 1.5 * mebibyte;

/** Packages of a repository: names and bytes, the same for the same label. */
function packagesOf(label: string, count: number, size: number): Record<string, string> {
  const one = (index: number): [string, string] => [
    `${label}-${index}.rpm`,
    `${label} ${index} ${incompressibleText(size, label)}`,
  ];
  return Object.fromEntries(Array.from({ length: count }, (_, index) => one(index)));
}

/** A repository `kept` that is held whole and stays, and `r`, of which is held what was asked for. */
async function served(
  folder: string,
  { packages, cache = {} }: { packages: Record<string, string>; cache?: object },
): Promise<{ origin: FaultyOrigin; pop: Pop } & AsyncDisposable> {
  const origin = await FaultyOrigin.start();
  const kept = packagesOf('kept', 4, 100_000);
  putRepository(origin, 'kept', { packages: kept, types: ['primary'] });
  putRepository(origin, 'r', { packages, types: ['primary'] });
  const hub = { hub: { type: 'yum' }, refresh: '1h' };
  const pop = await Pop.start({
    state: join(folder, 'state'),
    config: {
      cache: { max: '100%', keepFree: '0%', ...cache },
      subscriptions: [
        { ...hub, name: 'kept', policy: 'full', repositories: [{ path: 'kept', url: `${origin.url}kept/` }] },
        { ...hub, name: 'vendor', repositories: [{ path: 'r', url: `${origin.url}r/` }] },
      ],
    },
  });
  await pop.published();
  expect((await pop.run('sync', '--wait')).code).toBe(0);
  const end = async (): Promise<void> => {
    await pop[Symbol.asyncDispose]();
    await origin.stop();
  };
  return { origin, pop, [Symbol.asyncDispose]: end };
}

/** Asks for a file of `r` and requires that it is whole and right. @returns the outcome. */
async function asked(pop: Pop, name: string, packages: Record<string, string>): Promise<string | null> {
  const { status, complete, body, word } = await download(pop.content, `/content/r/${name}`);
  expect([name, status, complete, body.toString() === packages[name]]).toEqual([name, 200, true, true]);
  return word;
}

/** What is held whole, and all metadata, is served as ever. */
async function servesWhatItHolds(pop: Pop): Promise<void> {
  expect((await metadataRun(pop.content, 'kept')).wrong).toEqual([]);
  const repomd = await download(pop.content, '/content/r/repodata/repomd.xml');
  // `stale` where the upstream is away.
  expect([repomd.status, repomd.word]).toEqual([200, expect.stringMatching(/^(hit|stale)$/)]);
}

/** Once nothing is under way any more, what counts as used is what is there. */
async function countsRight(pop: Pop): Promise<void> {
  const { cache } = await pop.until((status) => status.cache.reservedBytes === 0);
  expect(cache.bytes).toBe(await takenBytes(pop.state));
}

async function saysState(pop: Pop, state: string): Promise<void> {
  expect((await pop.status()).cache.state).toBe(state);
  const metrics = await pop.metrics();
  for (const each of ['ok', 'full', 'read-only', 'failing'])
    expect([each, metrics.get(`cache_state{state="${each}"}`)]).toEqual([each, each === state ? 1 : 0]);
  const { code, stdout } = await pop.run('status');
  expect([code, stdout]).toEqual([0, expect.stringContaining(`cache: ${state}`)]);
}

/** Asks for one file after the other until one is stored. @throws when the names run out. */
async function untilStored(pop: Pop, names: string[], packages: Record<string, string>): Promise<string> {
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const word = await asked(pop, name, packages);
    // The client has its last byte before the disk has synced the file.
    for (let looks = word === 'miss' ? 20 : 0; looks > 0; looks -= 1) {
      const explained = (await (await fetch(`${pop.admin}/api/v1/explain?path=/content/r/${name}`)).json()) as {
        held: boolean;
      };
      if (explained.held) return name;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`nothing was stored any more: ${JSON.stringify((await pop.status()).cache)}`);
}

type Mount = (folder: string) => Promise<AsyncDisposable>;

interface Filling {
  readonly mount: Mount;
  readonly take: (others: Others) => Promise<void>;
  /** Bytes of the files that are asked for meanwhile. */
  readonly size: number;
  /** How many of them are held before, so that they can make room. */
  readonly held: number;
}

/** Others fill the file system up. */
function filledByOthers({ mount, take, size, held }: Filling): void {
  test('with nothing that may go: every file is passed through whole, and stored again once there is room', async () => {
    await using folder = await temporaryDirectory();
    await using _ = await mount(folder.path);
    const packages = packagesOf('cold', 90, size);
    await using running = await served(folder.path, { packages });
    const { pop } = running;
    const others = await Others.on(folder.path);
    const cold = Object.keys(packages);
    await take(others);
    // What fits in the measure of a moment ago may still be begun.
    for (let name = cold.shift(); name !== undefined; name = cold.shift()) {
      await asked(pop, name, packages);
      if ((await pop.status()).cache.state === 'full') break;
    }
    await take(others);
    const words: (string | null)[] = [];
    for (const name of cold.splice(0, 6)) words.push(await asked(pop, name, packages));
    expect(words).toEqual(Array.from({ length: 6 }, () => 'bypass'));
    await saysState(pop, 'full');
    await servesWhatItHolds(pop);
    await others.giveBack();
    const name = await untilStored(pop, cold, packages);
    expect(await asked(pop, name, packages)).toBe('hit');
    await pop.until(({ cache }) => cache.state === 'ok');
    await countsRight(pop);
    await servesWhatItHolds(pop);
    expect(await pop.stop()).toMatchObject({ code: 0 });
  });

  test('with something that may go: it makes room, and what must stay is left alone', async () => {
    await using folder = await temporaryDirectory();
    await using _ = await mount(folder.path);
    const packages = { ...packagesOf('held', held, size), ...packagesOf('cold', 90, size) };
    await using running = await served(folder.path, { packages });
    const { pop } = running;
    const others = await Others.on(folder.path);
    for (const name of Object.keys(packages).slice(0, held)) {
      expect(await asked(pop, name, packages)).toBe('miss');
      await pop.held(`/content/r/${name}`);
    }
    await take(others);
    await untilStored(pop, Object.keys(packages).slice(held), packages);
    expect((await pop.metrics()).get('evicted_bytes_total')).toBeGreaterThan(0);
    await servesWhatItHolds(pop);
    await countsRight(pop);
  });
}

describeWith([mounts], 'a file system in memory whose bytes others take', () => {
  filledByOthers({
    mount: (folder) => smallFileSystem(folder, '24m'),
    take: (others) => others.takeBytes(),
    size: large,
    held: 6,
  });
});

describeWith([mounts], 'a file system in memory whose names others take', () => {
  filledByOthers({
    mount: (folder) => smallFileSystem(folder, '64m', 500),
    take: (others) => others.takeNames(),
    size: 3_000,
    held: 100,
  });
});

describeWith([mounts, loopDevices], 'an ext4 file system whose bytes others take', () => {
  filledByOthers({
    mount: (folder) => ext4FileSystem(folder, 32 * mebibyte, 2_000),
    take: (others) => others.takeBytes(),
    size: large,
    held: 6,
  });
});

describeWith([mounts, loopDevices], 'an ext4 file system whose names others take', () => {
  filledByOthers({
    mount: (folder) => ext4FileSystem(folder, 32 * mebibyte, 500),
    take: (others) => others.takeNames(),
    size: 3_000,
    held: 100,
  });
});

describeWith([mounts], 'limits', () => {
  test('keepFree is kept while others take what was free', async () => {
    await using folder = await temporaryDirectory();
    await using _ = await smallFileSystem(folder.path, '32m');
    const packages = { ...packagesOf('held', 10, large), ...packagesOf('cold', 40, large) };
    const keepFree = 6 * mebibyte;
    await using running = await served(folder.path, { packages, cache: { keepFree: '6MiB' } });
    const { pop } = running;
    for (const name of Object.keys(packages).slice(0, 10)) {
      await asked(pop, name, packages);
      await pop.held(`/content/r/${name}`);
    }
    const others = await Others.on(folder.path);
    await others.takeBytes(2 * mebibyte);
    expect(await freeBytes(folder.path)).toBeLessThan(keepFree);
    while ((await freeBytes(folder.path)) < keepFree) await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await pop.metrics()).get('evicted_bytes_total')).toBeGreaterThan(0);
    for (const name of Object.keys(packages).slice(10, 16)) {
      await asked(pop, name, packages);
      // Beside blobs and parts there are notes: some pages.
      expect(await freeBytes(folder.path)).toBeGreaterThan(keepFree - mebibyte / 2);
    }
    await servesWhatItHolds(pop);
  });
});

test('cache.max filled by what must stay: every other file is passed through whole, and status says so', async () => {
  await using folder = await temporaryDirectory();
  const packages = packagesOf('cold', 6, large);
  await using running = await served(folder.path, { packages, cache: { max: '1MiB' } });
  const { pop } = running;
  for (const name of Object.keys(packages)) expect(await asked(pop, name, packages)).toBe('bypass');
  await saysState(pop, 'full');
  const { cache } = await pop.status();
  expect(cache.pinnedBytes).toBe(cache.bytes);
  expect([cache.evictableBytes, cache.next]).toEqual([0, null]);
  await servesWhatItHolds(pop);
});

test('a lower cache.max is shrunk to at the next start, and twenty cold fetches at once hardly pass it', async () => {
  await using folder = await temporaryDirectory();
  const packages = { ...packagesOf('held', 12, large), ...packagesOf('cold', 20, 8 * mebibyte) };
  await using running = await served(folder.path, { packages, cache: { max: '40MiB' } });
  const { pop } = running;
  for (const name of Object.keys(packages).slice(0, 12)) {
    await asked(pop, name, packages);
    await pop.held(`/content/r/${name}`);
  }
  await pop.kill();
  const max = 12 * mebibyte;
  const config = await readFile(pop.configFile, 'utf8');
  await writeFile(pop.configFile, config.replace('40MiB', '12MiB'));
  await pop.launch();
  await pop.until(({ cache }) => cache.max === max && cache.bytes > 0 && cache.bytes <= max);
  // What the kill left may still be being counted: status then knows of less than there is.
  await expect.poll(() => takenBytes(pop.state), { timeout: 60_000 }).toBeLessThanOrEqual(max);
  let most = 0;
  const sampled = new AbortController();
  const samples = (async () => {
    while (!sampled.signal.aborted) {
      most = Math.max(most, await takenBytes(pop.state));
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await Promise.all(
    Object.keys(packages)
      .slice(12)
      .map((name) => asked(pop, name, packages)),
  );
  await pop.until(({ cache }) => cache.reservedBytes === 0);
  sampled.abort();
  await samples;
  // 64 MiB are allowed; nothing is written here that was not reserved, so that it is less than one file.
  expect(most).toBeLessThan(max + 8 * mebibyte);
  expect(most).toBeGreaterThan(0);
  await servesWhatItHolds(pop);
});

describeWith([mounts], 'a file system that becomes read-only under the service', () => {
  test('is served from, cold files too, and stored to again within 15 s of being writable', async () => {
    await using folder = await temporaryDirectory();
    await using disks = new AsyncDisposableStack();
    disks.use(await smallFileSystem(folder.path, '64m'));
    // LevelDB keeps its log open, and a file system with open files is not made read-only: its notes are elsewhere.
    await mkdir(join(folder.path, 'state', 'index'), { recursive: true });
    disks.use(await smallFileSystem(join(folder.path, 'state', 'index'), '8m'));
    const packages = { ...packagesOf('cold', 60, large) };
    await using running = await served(folder.path, { packages });
    const { pop } = running;
    const cold = Object.keys(packages);
    const held = await untilStored(pop, cold, packages);
    await mounted(folder.path, 'ro');
    while ((await pop.status()).cache.state !== 'read-only') await asked(pop, cold.shift() ?? '', packages);
    for (const name of cold.splice(0, 4)) expect(await asked(pop, name, packages)).toBe('bypass');
    expect(await asked(pop, held, packages)).toBe('hit');
    await saysState(pop, 'read-only');
    expect((await pop.status()).cache.reason).toContain('EROFS');
    await servesWhatItHolds(pop);
    await mounted(folder.path, 'rw');
    const began = performance.now();
    await pop.until(({ cache }) => cache.state === 'ok');
    expect(performance.now() - began).toBeLessThan(15_000);
    await untilStored(pop, cold, packages);
    expect(await pop.stop()).toMatchObject({ code: 0 });
  });
});

/** The last file may be open for a moment. */
async function mounted(folder: string, how: 'ro' | 'rw'): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await remounted(folder, how);
    } catch (error) {
      if (tries === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

describeWith([mounts, loopDevices], 'an ext4 file system that protects itself after an error', () => {
  test('is served from, before and after a restart', async () => {
    await using folder = await temporaryDirectory();
    await using _ = await ext4FileSystem(folder.path, 48 * mebibyte, 2_000);
    const packages = packagesOf('cold', 20, large);
    await using running = await served(folder.path, { packages });
    const { pop, origin } = running;
    const cold = Object.keys(packages);
    const held = await untilStored(pop, cold, packages);
    await failedFileSystem(folder.path);
    while ((await pop.status()).cache.state === 'ok') await asked(pop, cold.shift() ?? '', packages);
    for (const name of cold.splice(0, 3)) expect(await asked(pop, name, packages)).toBe('bypass');
    expect(await asked(pop, held, packages)).toBe('hit');
    await saysState(pop, 'read-only');
    await pop.kill();
    await pop.launch();
    expect(await asked(pop, held, packages)).toBe('hit');
    await servesWhatItHolds(pop);
    expect(await asked(pop, cold.shift() ?? '', packages)).toBe('bypass');
    await saysState(pop, 'read-only');
    await origin.stop();
    expect(await asked(pop, held, packages)).toBe('hit');
  });
});

test('a state directory that is emptied under the service is made anew, and a restart serves from it', async () => {
  await using folder = await temporaryDirectory();
  const packages = packagesOf('cold', 40, large);
  await using running = await served(folder.path, { packages });
  const { pop, origin } = running;
  const cold = Object.keys(packages);
  const before = await untilStored(pop, cold, packages);
  for (const name of await readdir(pop.state)) await rm(join(pop.state, name), { recursive: true, force: true });
  // At once, and for as long as it takes to be noticed: served, though nothing is there.
  expect((await metadataRun(pop.content, 'kept')).wrong).toEqual([]);
  await asked(pop, before, packages);
  await asked(pop, cold.shift() ?? '', packages);
  while (!existsSync(join(pop.state, 'FORMAT'))) {
    await asked(pop, before, packages);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const stored = await untilStored(pop, cold, packages);
  // A run finds what is missing.
  const synced = await pop.run('sync', '--wait');
  expect(synced).toMatchObject({ code: 0 });
  await pop.until(({ cache }) => cache.state === 'ok');
  expect((await metadataRun(pop.content, 'r')).wrong).toEqual([]);
  await countsRight(pop);
  expect(await pop.stop()).toMatchObject({ code: 0 });
  await pop.launch();
  await origin.stop();
  // The package map is made again from the primary record, which is held.
  while ((await download(pop.content, `/content/r/${stored}`)).status === 503)
    await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await asked(pop, stored, packages)).toBe('hit');
  await servesWhatItHolds(pop);
});
