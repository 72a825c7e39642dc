import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { algorithms, digestOf } from '../../base/digest.ts';
import type { PackageEntry } from '../../base/package-entry.ts';
import { systemDisk } from '../../disk/disk.ts';
import { Maps } from '../../cache/maps.ts';
import { CacheSink } from '../../cache/sink.ts';
import { storeLock } from '../../cli/hub/store-lock.ts';
import { StoreMaps } from '../../hub/content/store-maps.ts';
import { StoreSink } from '../../hub/content/store-sink.ts';
import { DirectoryStore } from '../../hub/store/directory-store.ts';
import type { Sink } from '../../mirror/sink.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { MemorySink } from '../support/memory-sink.ts';
import { passed, ScriptedLoader } from '../support/scripted-loader.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { bytesBelow, file, flipped, mebibyte, pieces } from './pieces.ts';
import type { Pieces } from './pieces.ts';

const patient = new AbortController().signal;

/** The store as a sync sees it: what the compiler accepts here is the port that syncs are written against. */
function cacheSink(store: Pieces, disk = systemDisk): { sink: Sink; maps: Maps } {
  const { layout, blobs, claims, fills, space } = store;
  const maps = new Maps(disk, layout);
  return {
    sink: new CacheSink({
      disk,
      layout,
      blobs,
      fills,
      maps,
      space,
      room: space,
      claims,
    }),
    maps,
  };
}

interface Implementation extends AsyncDisposable {
  readonly sink: Sink;
}

const implementations: Record<string, () => Promise<Implementation>> = {
  'in memory': () => Promise.resolve({ sink: new MemorySink(), [Symbol.asyncDispose]: () => Promise.resolve() }),
  'the PoP’s cache': async () => {
    const store = await pieces();
    const { sink, maps } = cacheSink(store);
    const dispose = async (): Promise<void> => {
      await maps.close();
      await store[Symbol.asyncDispose]();
    };
    return { sink, [Symbol.asyncDispose]: dispose };
  },
  'a hub’s store': async () => {
    const directory = await temporaryDirectory();
    const root = join(directory.path, 'store');
    await mkdir(root);
    const lock = await storeLock(root, systemClock);
    const store = new DirectoryStore({ root, disk: systemDisk, clock: systemClock, lock });
    const maps = new StoreMaps({ store, disk: systemDisk, folder: join(directory.path, 'maps') });
    const dispose = async (): Promise<void> => {
      await maps.close();
      await directory[Symbol.asyncDispose]();
    };
    return { sink: new StoreSink({ store, maps }), [Symbol.asyncDispose]: dispose };
  },
};

async function readHeld(sink: Sink, scope: string, listed: Parameters<Sink['read']>[1]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of sink.read(scope, listed)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function entry(href: string, seed = href, size = 10): PackageEntry {
  const listed = { digest: digestOf(seed), size };
  return { href, listed, name: 'n', epoch: '0', version: '1', release: '1', arch: 'noarch' };
}

describe.each(Object.entries(implementations))('a sink: %s', (_, make) => {
  test.each(algorithms)(
    'holds a file listed by %s once it is ensured, and gives its bytes and its sha256',
    async (name) => {
      await using made = await make();
      const { sink } = made;
      const { bytes, listed } = file(1_500_000, name);
      expect(await sink.holds('open', listed)).toBe(false);
      await sink.ensure('open', listed, new ScriptedLoader([{ bytes }]), patient);
      expect(await sink.holds('open', listed)).toBe(true);
      expect((await readHeld(sink, 'open', listed)).equals(bytes)).toBe(true);
      expect(await sink.sha256('open', listed)).toBe(digestOf(bytes));
    },
  );

  test('asks nobody for what it holds', async () => {
    await using made = await make();
    const { bytes, listed } = file(100);
    await made.sink.ensure('open', listed, new ScriptedLoader([{ bytes }]), patient);
    const loader = new ScriptedLoader([]);
    await made.sink.ensure('open', listed, loader, patient);
    expect(loader.opened).toEqual([]);
  });

  test('a scope possesses what it has proven, no more', async () => {
    await using made = await make();
    const { bytes, listed } = file(100);
    await made.sink.ensure('open', listed, new ScriptedLoader([{ bytes }]), patient);
    expect(await made.sink.holds('corp-1', listed)).toBe(false);
    await expect(readHeld(made.sink, 'corp-1', listed)).rejects.toMatchObject({ code: 'blob_damaged' });
  });

  test('keeps nothing of sources that lie or break off, and says why', async () => {
    await using made = await make();
    const { bytes, listed } = file(1000);
    const loader = new ScriptedLoader([
      { bytes: flipped(bytes, 1) },
      { bytes: Buffer.concat([bytes, bytes]), total: null },
    ]);
    await expect(made.sink.ensure('open', listed, loader, patient)).rejects.toMatchObject({
      code: 'upstream_unreachable',
    });
    expect(await made.sink.holds('open', listed)).toBe(false);
  });

  test('goes on after a cut', async () => {
    await using made = await make();
    const { bytes, listed } = file(1000);
    const loader = new ScriptedLoader([{ bytes, cutAt: 400 }, { bytes }]);
    await made.sink.ensure('open', listed, loader, patient);
    expect(loader.opened).toEqual([0, 400]);
  });

  test('two that want one file share its transfer', async () => {
    await using made = await make();
    const { bytes, listed } = file(1000);
    const gate = new Gate();
    const loaders = [
      new ScriptedLoader([{ bytes }], { before: gate }),
      new ScriptedLoader([{ bytes }], { before: gate }),
    ];
    const both = loaders.map((loader) => made.sink.ensure('open', listed, loader, patient));
    gate.open();
    await Promise.all(both);
    expect(loaders.flatMap(({ opened }) => opened)).toEqual([0]);
  });

  test('an aborted wish ends with the signal’s reason', async () => {
    await using made = await make();
    const { bytes, listed } = file(1000);
    const gate = new Gate();
    const stop = new AbortController();
    const wish = made.sink.ensure('open', listed, new ScriptedLoader([{ bytes }], { before: gate }), stop.signal);
    const reason = new Error('stopped');
    stop.abort(reason);
    await expect(wish).rejects.toBe(reason);
    gate.open();
  });

  test('keeps small bytes by what they are, however often and however many at once', async () => {
    await using made = await make();
    const bytes = Buffer.from('<repomd/>');
    const listed = { digest: digestOf(bytes), size: bytes.length };
    const kept = await Promise.all(['open', 'open', 'corp-1', 'open'].map((scope) => made.sink.keep(scope, bytes)));
    expect(kept).toEqual([listed, listed, listed, listed]);
    expect(await made.sink.keep('open', bytes)).toEqual(listed);
    for (const scope of ['open', 'corp-1']) expect(await readHeld(made.sink, scope, listed)).toEqual(bytes);
    const empty = await made.sink.keep('open', Buffer.alloc(0));
    expect([empty.size, await readHeld(made.sink, 'open', empty)]).toEqual([0, Buffer.alloc(0)]);
  });

  test('a map counts what it holds, once; hrefs that contradict each other are unservable', async () => {
    await using made = await make();
    const primary = digestOf('primary');
    expect(await made.sink.map(primary)).toBeNull();
    const written = await made.sink.writeMap(primary, async (to) => {
      to.add(entry('b.rpm'));
      to.add(entry('a.rpm'));
      to.add(entry('a.rpm'));
      to.add(entry('c.rpm', 'one'));
      to.add(entry('c.rpm', 'other'));
      to.unservable({ href: '../d.rpm', reason: 'escapes' });
    });
    expect(written).toEqual({ packages: 2, bytes: 20, unservable: 2 });
    expect(await made.sink.map(primary)).toEqual(written);
  });

  test('a map whose entries end in an error is not there, and may be written later', async () => {
    await using made = await make();
    const primary = digestOf('primary');
    const torn = made.sink.writeMap(primary, async (to) => {
      to.add(entry('a.rpm'));
      throw new Error('torn');
    });
    await expect(torn).rejects.toThrow('torn');
    expect(await made.sink.map(primary)).toBeNull();
    expect(await made.sink.writeMap(primary, async () => {})).toEqual({ packages: 0, bytes: 0, unservable: 0 });
  });

  test('a map that is written twice at once is whole for both', async () => {
    await using made = await make();
    const primary = digestOf('primary');
    const gate = new Gate();
    const writes = [1, 2].map(() =>
      made.sink.writeMap(primary, async (to) => {
        to.add(entry('a.rpm'));
        await passed(gate);
        to.add(entry('b.rpm'));
      }),
    );
    gate.open();
    for (const summary of await Promise.all(writes)) expect(summary).toMatchObject({ packages: 2 });
  });
});

test('whichever disk call fails while repository metadata is kept: it is held or not, and counted right', async () => {
  for (let n = 1; ; n += 1) {
    const disk = FaultyDisk.failingNth(n);
    await using store = await pieces({ disk });
    const { sink } = cacheSink(store, disk);
    const bytes = Buffer.from('<repomd/>'.repeat(100));
    const listed = { digest: digestOf(bytes), size: bytes.length };
    const failure = await sink.keep('open', bytes).catch((error: unknown) => error);
    const done = disk.calls.length < n;
    if (done) expect(failure).toEqual(listed);
    expect([store.space.used, store.space.reserved]).toEqual([await bytesBelow(store.layout.blobs), 0]);
    expect(await readdir(store.layout.parts)).toEqual([]);
    store.clock.advance(10_000);
    expect(await sink.keep('open', bytes)).toEqual(listed);
    expect(await readHeld(sink, 'open', listed)).toEqual(bytes);
    if (done) break;
    expect(n).toBeLessThan(30);
  }
});

test('repository metadata that finds no room is refused as that', async () => {
  await using store = await pieces({ limits: { max: () => mebibyte, keepFree: () => 0 } });
  const { sink } = cacheSink(store);
  await expect(sink.keep('open', Buffer.alloc(mebibyte + 1))).rejects.toMatchObject({ code: 'disk_full' });
});
