import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import { Layout } from '../../cache/disk/layout.ts';
import type { Found } from '../../cache/generations/served.ts';
import type { Store } from '../../cache/store.ts';
import { mapRemaker } from '../../cli/remake-map.ts';
import { generation, repositoryDocument } from '../cache/generation-documents.ts';
import { openedStore } from '../cache/opened-store.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { handMadeRepository } from '../support/hand-made-repository.ts';
import { LogLines } from '../support/log-lines.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const patient = new AbortController().signal;

/** A state directory with two generations of a repository, all their metadata and their maps. */
async function published(root: string): Promise<{ readonly maps: readonly Digest[] }> {
  const store = await openedStore(root);
  const maps: Digest[] = [];
  for (const number of [1, 2]) {
    const made = handMadeRepository({ packages: { [`p-${number}.rpm`]: `content ${number}` } });
    const records = made.records.map(({ href, bytes }) => ({
      href,
      bytes,
      listed: { digest: digestOf(bytes), size: bytes.length },
    }));
    for (const { bytes, listed } of records)
      await store.sink.ensure('open', listed, new ScriptedLoader([{ bytes }]), patient);
    const map = records[0]?.listed.digest ?? digestOf('');
    maps.push(map);
    const document = repositoryDocument({
      repomd: await store.sink.keep('open', made.repomd),
      records: Object.fromEntries(records.map(({ href, listed }) => [href, listed])),
      map,
    });
    await store.publish(generation(number, { 'site/base': document }));
  }
  await store.close();
  const log = new LogLines();
  const again = await started(root, { log });
  await remade(log, 2);
  await again.close();
  return { maps };
}

function started(root: string, options: Parameters<typeof openedStore>[1] & { log: LogLines }): Promise<Store> {
  return openedStore(root, { remakeMap: mapRemaker(options.log), ...options });
}

async function find(store: Store, path: string): Promise<Found['kind'] | 'blob_damaged'> {
  const place = store.served.place(path);
  if (place === null) throw new Error(`${path} is not served`);
  return store.served.find(place).then(
    ({ kind }) => kind,
    (error: unknown) => {
      expect(error).toMatchObject({ code: 'blob_damaged' });
      return 'blob_damaged' as const;
    },
  );
}

/** Resolves when so many maps were made again. */
async function remade(log: LogLines, count: number): Promise<void> {
  while (log.about(/package map was lost or damaged, and made again/).length < count) await setImmediate();
}

async function served(store: Store, path: string): Promise<Found['kind']> {
  for (;;) {
    const found = await find(store, path);
    if (found !== 'blob_damaged') return found;
    await setImmediate();
  }
}

describe('package maps', () => {
  test('that are all lost are made again from the primaries that are held, without any upstream', async () => {
    await using folder = await temporaryDirectory();
    const { maps } = await published(folder.path);
    await rm(join(folder.path, 'maps'), { recursive: true });
    const log = new LogLines();
    const store = await started(folder.path, { log });
    expect(await served(store, 'site/base/p-2.rpm')).toBe('listed');
    expect(await served(store, 'site/base/p-1.rpm')).toBe('listed');
    expect(await served(store, 'site/base/nothing.rpm')).toBe('absent');
    await remade(log, 2);
    await store.close();
    expect((await readdir(join(folder.path, 'maps'))).toSorted()).toEqual(maps.map((map) => map.slice(7)).toSorted());
    const again = new LogLines();
    await (await started(folder.path, { log: again })).close();
    expect(again.about(/package map/)).toEqual([]);
  });

  test.each<[string, (path: string) => Promise<void>]>([
    ['are garbage', (path) => writeFile(path, 'garbage')],
    ['were cut short', (path) => truncate(path, 70)],
  ])('that %s are made again at start', async (_, damage) => {
    await using folder = await temporaryDirectory();
    const { maps } = await published(folder.path);
    for (const map of maps) await damage(new Layout(folder.path).map(map));
    const log = new LogLines();
    const store = await started(folder.path, { log });
    expect(await served(store, 'site/base/p-2.rpm')).toBe('listed');
    await remade(log, 2);
    await store.close();
  });

  test('one that turns out damaged when a file is looked up is made again meanwhile', async () => {
    await using folder = await temporaryDirectory();
    const { maps } = await published(folder.path);
    const path = new Layout(folder.path).map(maps[1]!);
    const bytes = await readFile(path);
    // The first byte of the first block: header and index are as they were.
    bytes[64] = (bytes[64] ?? 0) ^ 0xff;
    await writeFile(path, bytes);
    const log = new LogLines();
    const store = await started(folder.path, { log });
    expect(await find(store, 'site/base/p-2.rpm')).toBe('blob_damaged');
    expect(await served(store, 'site/base/p-2.rpm')).toBe('listed');
    await store.close();
    expect(log.about(/made again/)).toMatchObject([{ fields: { repository: 'site/base', map: maps[1] } }]);
  });

  test('whose primary is lost too are said, and tried again no sooner than a minute later', async () => {
    await using folder = await temporaryDirectory();
    const { maps } = await published(folder.path);
    const clock = new StandingClock();
    const log = new LogLines();
    await rm(new Layout(folder.path).map(maps[1]!));
    await rm(join(folder.path, 'blobs', 'open', 'sha256', maps[1]!.slice(7, 9)), { recursive: true });
    const store = await started(folder.path, { log, clock });
    const failures = (): number => log.about(/cannot be made again/).length;
    while (failures() === 0) await setImmediate();
    for (let n = 0; n < 3; n += 1) expect(await find(store, 'site/base/p-2.rpm')).toBe('blob_damaged');
    clock.advance(60_000);
    expect(await find(store, 'site/base/p-2.rpm')).toBe('blob_damaged');
    while (failures() < 2) await setImmediate();
    await store.close();
    expect(failures()).toBe(2);
  });
});

describe('documents', () => {
  test('current.json that is garbage is said; the newest generation is served', async () => {
    await using folder = await temporaryDirectory();
    await published(folder.path);
    for (const garbage of ['', '{', 'null', '[]', '{"format":1}', '{"format":1,"current":null}', '\u0000\u0000']) {
      await writeFile(join(folder.path, 'current.json'), garbage);
      const log = new LogLines();
      const store = await started(folder.path, { log });
      expect([garbage, store.current('corp')?.id]).toEqual([garbage, generation(2).id]);
      expect([garbage, log.about(/current\.json cannot be read/).length]).toEqual([garbage, 1]);
      await store.close();
    }
  });

  test('a current generation that is lost is said; the newest that is left is served', async () => {
    await using folder = await temporaryDirectory();
    await published(folder.path);
    await rm(new Layout(folder.path).generation('corp', generation(2).id));
    const log = new LogLines();
    const store = await started(folder.path, { log });
    expect(store.current('corp')?.id).toBe(generation(1).id);
    expect(log.about(/current generation is lost/)).toMatchObject([{ fields: { id: generation(2).id } }]);
    await store.close();
  });

  test.each<[string, (document: Record<string, unknown>) => unknown]>([
    ['null for a repository', (document) => ({ ...document, repositories: { 'site/base': null } })],
    ['a repository without records', (document) => ({ ...document, repositories: { 'site/base': { scope: 'open' } } })],
    ['a list for an object', () => []],
  ])('a generation with %s is passed over and said; the one before is served', async (_, damage) => {
    await using folder = await temporaryDirectory();
    await published(folder.path);
    const path = new Layout(folder.path).generation('corp', generation(2).id);
    const document = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    await writeFile(path, JSON.stringify(damage(document)));
    const log = new LogLines();
    const store = await started(folder.path, { log });
    expect(store.current('corp')?.id).toBe(generation(1).id);
    expect(await served(store, 'site/base/p-1.rpm')).toBe('listed');
    expect(log.about(/generation document cannot be read/)).toMatchObject([{ fields: { path } }]);
    await store.close();
  });

  test('a folder of generations that cannot be listed is said, and costs only that subscription', async () => {
    await using folder = await temporaryDirectory();
    await published(folder.path);
    const before = await openedStore(folder.path);
    await before.publish(generation(3, undefined, 'other'));
    await before.close();
    const disk = new FaultyDisk();
    const { list } = disk;
    const sick: typeof list = async (path) => {
      if (path.endsWith('/corp')) throw Object.assign(new Error('bad sector'), { code: 'EIO' });
      return list(path);
    };
    const log = new LogLines();
    const store = await started(folder.path, { log, disk: Object.assign(disk, { list: sick }) });
    expect([store.current('corp'), store.current('other')?.id]).toEqual([null, generation(3, undefined, 'other').id]);
    expect(log.about(/folder of generations cannot be listed/)).toHaveLength(1);
    await store.close();
  });
});
