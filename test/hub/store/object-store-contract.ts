import { describe, expect, test } from 'vitest';
import type { ObjectStore, OpenObject } from '../../../hub/store/object-store.ts';
import { wholeObject } from '../../../hub/store/object-store.ts';

/** A store for the contract, empty; `again` is another process's view of the same store. */
export interface StoreUnderTest extends AsyncDisposable {
  readonly store: ObjectStore;
  again(): Promise<ObjectStore>;
}

const bytes = (of: string): Buffer => Buffer.from(of);

async function text(store: ObjectStore, key: string): Promise<string | null> {
  return (await store.get(key))?.bytes.toString() ?? null;
}

export async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

async function range(object: OpenObject, start: number, end: number): Promise<Buffer> {
  const buffer = Buffer.alloc(end - start);
  for (let at = 0; at < buffer.length;) at += await object.read(buffer.subarray(at), start + at, buffer.length - at);
  return buffer;
}

/** What every store of a hub keeps to. */
export function objectStoreContract(kind: string, start: () => Promise<StoreUnderTest>): void {
  describe(`a store in ${kind}`, () => {
    test('gives what was put, to this process and to others', async () => {
      await using under = await start();
      const { store } = under;
      await store.put('private/a/one.json', bytes('one'));
      expect(await store.putIfAbsent('public/blobs/ab/two', wholeObject(bytes('two')))).toBe(true);
      for (const each of [store, await under.again()]) {
        expect(await text(each, 'private/a/one.json')).toBe('one');
        expect(await text(each, 'public/blobs/ab/two')).toBe('two');
        expect(await each.has('public/blobs/ab/two')).toBe(3);
      }
    });

    test('says null for what is not there, also where a key is the beginning of others', async () => {
      await using under = await start();
      const { store } = under;
      await store.put('public/a/b/c', bytes('it'));
      for (const key of ['public/none', 'public/a', 'public/a/b', 'other/a']) {
        expect([key, await store.get(key), await store.has(key), await store.open(key)]).toEqual([
          key,
          null,
          null,
          null,
        ]);
      }
    });

    test('holds objects of no bytes, and of more than one chunk', async () => {
      await using under = await start();
      const { store } = under;
      const chunks = Array.from({ length: 40 }, (_, index) => Buffer.alloc(70_000, index));
      const large = {
        size: 2_800_000,
        chunks: (async function* each() {
          yield* chunks;
        })(),
      };
      expect(await store.putIfAbsent('public/large', large)).toBe(true);
      expect(await store.putIfAbsent('public/empty', wholeObject(Buffer.alloc(0)))).toBe(true);
      expect((await store.get('public/large'))?.bytes.equals(Buffer.concat(chunks))).toBe(true);
      expect(await store.get('public/empty')).toMatchObject({ bytes: Buffer.alloc(0) });
    });

    test('reads any range of an open object, until it is released, also when it was deleted meanwhile', async () => {
      await using under = await start();
      const { store } = under;
      const whole = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
      await store.putIfAbsent('public/it', wholeObject(whole));
      const object = await store.open('public/it');
      if (object === null) throw new Error('it is not there');
      expect(object.size).toBe(100_000);
      expect((await range(object, 99_990, 100_000)).equals(whole.subarray(99_990))).toBe(true);
      expect((await range(object, 0, 70_000)).equals(whole.subarray(0, 70_000))).toBe(true);
      expect((await range(object, 70_000, 70_001)).equals(whole.subarray(70_000, 70_001))).toBe(true);
      object.release();
    });

    test('keeps what is there from putIfAbsent', async () => {
      await using under = await start();
      const { store } = under;
      await store.put('public/it', bytes('old'));
      expect(await store.putIfAbsent('public/it', wholeObject(bytes('new')))).toBe(false);
      expect(await text(store, 'public/it')).toBe('old');
    });

    test('lets exactly one of many putIfAbsent win, whole', async () => {
      await using under = await start();
      const stores = [under.store, await under.again(), await under.again()];
      const results = await Promise.all(
        Array.from({ length: 24 }, async (_, index) => {
          const won = await stores[index % 3]!.putIfAbsent('public/race', wholeObject(bytes(`${index}`.repeat(5_000))));
          return won ? index : null;
        }),
      );
      const winners = results.filter((index) => index !== null);
      expect(winners).toHaveLength(1);
      expect(await text(under.store, 'public/race')).toBe(`${winners[0]}`.repeat(5_000));
    });

    test('replaces what is as it was read, and nothing else', async () => {
      await using under = await start();
      const { store } = under;
      const first = await store.put('public/pointer', bytes('1'));
      expect((await store.get('public/pointer'))?.version).toBe(first);
      const second = await store.putIfMatch('public/pointer', bytes('2'), first);
      expect(second).not.toBeNull();
      expect(await store.putIfMatch('public/pointer', bytes('3'), first)).toBeNull();
      expect(await store.putIfMatch('public/absent', bytes('3'), first)).toBeNull();
      expect([await text(store, 'public/pointer'), await text(store, 'public/absent')]).toEqual(['2', null]);
      expect((await store.get('public/pointer'))?.version).toBe(second);
    });

    test('loses no step of a count that several processes raise at once', async () => {
      await using under = await start();
      await under.store.put('private/count', bytes('0'));
      const raise = async (store: ObjectStore): Promise<void> => {
        for (;;) {
          const read = await store.get('private/count');
          if (read === null) throw new Error('the count is gone');
          const next = bytes(`${Number(read.bytes.toString()) + 1}`);
          if ((await store.putIfMatch('private/count', next, read.version)) !== null) return;
        }
      };
      const stores = [under.store, await under.again(), await under.again()];
      await Promise.all(Array.from({ length: 12 }, (_, index) => raise(stores[index % 3]!)));
      expect(await text(under.store, 'private/count')).toBe('12');
    });

    test('lists the keys below a prefix in their order, with sizes', async () => {
      await using under = await start();
      const { store } = under;
      for (const key of ['public/b/2', 'public/b-1', 'public/b/10', 'public/a/x/y', 'private/b/1', 'public/c'])
        await store.put(key, bytes(key));
      const all = ['private/b/1', 'public/a/x/y', 'public/b-1', 'public/b/10', 'public/b/2', 'public/c'];
      expect(await keysOf(store, '')).toEqual(all);
      expect(await keysOf(store, 'public/b/')).toEqual(['public/b/10', 'public/b/2']);
      expect(await keysOf(store, 'public/none/')).toEqual([]);
      for await (const { key, size } of store.list('')) expect(size).toBe(key.length);
    });

    test('deletes, and deletes what is not there', async () => {
      await using under = await start();
      const { store } = under;
      await store.put('public/it', bytes('it'));
      await store.delete('public/it');
      await store.delete('public/it');
      await store.delete('public/never/was');
      expect([await store.get('public/it'), await keysOf(store, '')]).toEqual([null, []]);
      expect(await store.putIfAbsent('public/it', wholeObject(bytes('new')))).toBe(true);
    });

    test('stores nothing when the bytes break off, or are not as many as was said', async () => {
      await using under = await start();
      const { store } = under;
      const broken = (async function* broken() {
        yield bytes('half');
        throw new Error('the source is gone');
      })();
      await expect(store.putIfAbsent('public/it', { size: 8, chunks: broken })).rejects.toThrow('the source is gone');
      await expect(store.putIfAbsent('public/it', { ...wholeObject(bytes('four')), size: 5 })).rejects.toThrow();
      expect([await store.get('public/it'), await keysOf(store, '')]).toEqual([null, []]);
    });

    test('takes no key that another kind of store would read in another way', async () => {
      await using under = await start();
      for (const key of [
        '',
        '/a',
        'a/',
        'a//b',
        '../a',
        'a/./b',
        '.a',
        'a/.b',
        'ä',
        'a b',
        'a%2fb',
        'a\\b',
        'a'.repeat(513),
      ])
        await expect(under.store.put(key, bytes('it')), key).rejects.toThrow('is a key');
    });

    test('does not take an object into memory that is larger than a reader expects', async () => {
      await using under = await start();
      await under.store.put('public/it', Buffer.alloc(1_001));
      await expect(under.store.get('public/it', 1_000)).rejects.toMatchObject({ code: 'store_damaged' });
      expect((await under.store.get('public/it', 1_001))?.bytes.length).toBe(1_001);
    });
  });
}
