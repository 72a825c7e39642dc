import { expect, onTestFinished, test } from 'vitest';
import type { Listed } from '../../base/digest.ts';
import type { Loader } from '../../base/transfer.ts';
import { forEachBounded } from '../../mirror/bounded.ts';
import { ensureRecords } from '../../mirror/records.ts';
import { parseRepomd } from '../../yum/repomd.ts';
import { FaultyOrigin, flippedAt, Gate, hang } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { MemorySink } from '../support/memory-sink.ts';
import { upstream } from '../support/upstream.ts';

const signal = new AbortController().signal;
const progress = { expected: () => {}, done: () => {} };

/** A sink that tells when a file is asked of it for the second time. */
class WatchedSink extends MemorySink {
  readonly twice: Promise<void>;
  readonly #twice: () => void;
  #asked = 0;

  constructor() {
    super();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.twice = promise;
    this.#twice = resolve;
  }

  override async ensure(scope: string, listed: Listed, loader: Loader, until: AbortSignal): Promise<void> {
    const filling = super.ensure(scope, listed, loader, until);
    if (++this.#asked === 2) this.#twice();
    return filling;
  }
}

test('a repository that joined the fill of another one asks its own source when that fails', async () => {
  const origin = await FaultyOrigin.start();
  onTestFinished(() => origin.stop());
  const recipe = { packages: { 'a-1.rpm': 'a' }, types: ['primary'] };
  putRepository(origin, 'liar', recipe);
  const { repomd: bytes, records } = putRepository(origin, 'honest', recipe);
  const gate = new Gate();
  origin.on(`/liar/${records[0]?.href}`, flippedAt(12), hang(gate));
  const sink = new WatchedSink();
  const from = (path: string) => {
    const supplier = upstream([`${origin.url}${path}/`]);
    return ensureRecords({ sink, path: 'a/b', scope: 'open', supplier, repomd: parseRepomd(bytes), progress, signal });
  };
  const lied = from('liar').catch((thrown: unknown) => thrown);
  await gate.reached;
  const honest = from('honest');
  await sink.twice;
  gate.open();
  expect(await lied).toMatchObject({ code: 'record_mismatch' });
  expect(Object.keys(await honest)).toEqual([records[0]?.href]);
});

test('bounded work runs so many at a time, and all of it', async () => {
  const seen: number[] = [];
  let running = 0;
  let most = 0;
  await forEachBounded([1, 2, 3, 4, 5, 6, 7], 3, signal, async (item) => {
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
    seen.push(item);
  });
  expect(most).toBe(3);
  expect(new Set(seen)).toEqual(new Set([1, 2, 3, 4, 5, 6, 7]));
  expect(seen).toHaveLength(7);
});

test('the first failure of bounded work stops the rest and is the one that is thrown', async () => {
  const begun: number[] = [];
  const work = forEachBounded([1, 2, 3, 4], 2, signal, async (item, until) => {
    begun.push(item);
    if (item === 2) throw new Error('second');
    await new Promise((_resolve, reject) => until.addEventListener('abort', () => reject(new Error('consequence'))));
  });
  await expect(work).rejects.toThrow('second');
  expect(begun).toEqual([1, 2]);
});

test('bounded work that is called off throws the reason, also before it began', async () => {
  const off = AbortSignal.abort(new Error('off'));
  await expect(forEachBounded([1], 1, off, async () => {})).rejects.toThrow('off');
});
