import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import { plainFailures } from '../../base/plain-get.ts';
import type { PlainFailure } from '../../base/plain-get.ts';
import type { HeldFetch } from '../support/fetching-disk.ts';
import { expectTidy, fetching, PlainLoader } from './fetching.ts';
import type { FetchingStore } from './fetching.ts';
import { file, flipped, idle, readAll } from './pieces.ts';

/** Files that all of it is about: few, so that those who want one meet. */
const files = [file(1), file(700), file(40_000), file(200_000)] as const;
type Known = (typeof files)[number];

const step = fc.record({
  what: fc.constantFrom('sync', 'sync', 'client', 'call off', 'end', 'end', 'end'),
  which: fc.nat({ max: 99 }),
  /** Of a fetch; null: its bytes come. */
  failure: fc.option(fc.constantFrom<PlainFailure>(...plainFailures), { freq: 2 }),
  /** Turns of the event loop before the next step. */
  turns: fc.nat({ max: 6 }),
});
/** Numbers of the calls that change the disk, and fail. */
const failing = fc.array(fc.nat({ max: 60 }), { maxLength: 3 });

function pick<T>(all: readonly T[], which: number): T | null {
  return all[which % Math.max(1, all.length)] ?? null;
}

/** A loader that lies at times, and at times gives up. */
function loaderOf({ bytes }: Known, which: number): PlainLoader {
  if (which % 7 === 0) return new PlainLoader([]);
  const first = which % 5 === 0 ? [{ bytes: flipped(bytes, 0) }] : [];
  return new PlainLoader(first, { again: { bytes } });
}

/** Why it did not go well, once it is over. */
function told(doing: Promise<void>): Promise<Error | null> {
  return doing.then(
    () => null,
    (error: unknown) => error as Error,
  );
}

async function end(fetch: HeldFetch, failure: PlainFailure | null): Promise<void> {
  const { bytes } = files.find(({ listed }) => listed.digest.endsWith(fetch.asked.sha256)) ?? files[0];
  if (failure === null) await fetch.bring(bytes);
  else fetch.fail(failure, failure === 'unputtable' ? bytes : null);
}

/** A client reads all, right, or is told why not. */
async function client(store: FetchingStore, known: Known, which: number): Promise<void> {
  const loader = new PlainLoader([], { again: { bytes: known.bytes } });
  const start = which % known.listed.size;
  const { source } = await store.fills.open({ scope: 'open', listed: known.listed, loader: () => loader }, start);
  const got = await readAll(source, { start, chunk: 30_000 });
  if (got.error === null) expect(got.bytes.equals(known.bytes.subarray(start))).toBe(true);
  else expect(got.bytes.equals(known.bytes.subarray(start, start + got.bytes.length))).toBe(true);
}

test('however fetches, syncs, clients and a failing disk meet: all are told, the bytes are right, and all is counted', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), failing, fc.boolean(), async (steps, numbers, stops) => {
      const failsAt = new Set(numbers);
      await using store = await fetching({
        // What cannot be removed stays, and is counted: another test's matter.
        fails: ({ call }, count) => (call !== 'unlink' && failsAt.has(count) ? 'EIO' : null),
      });
      const doing: Promise<Error | null>[] = [];
      const calls: AbortController[] = [];
      const open = (): HeldFetch[] => store.fetching.fetches.filter(({ isOver }) => !isOver);
      for (const { what, which, failure, turns } of steps) {
        const known = pick(files, which) ?? files[0];
        if (what === 'sync') {
          const off = new AbortController();
          calls.push(off);
          doing.push(told(store.sink.ensure('open', known.listed, loaderOf(known, which), off.signal)));
        } else if (what === 'client') doing.push(told(client(store, known, which)));
        else if (what === 'call off') pick(calls, which)?.abort(new Error('called off'));
        else if (what === 'end') {
          const fetch = pick(open(), which);
          if (fetch !== null) doing.push(told(end(fetch, failure)));
        }
        for (let turn = 0; turn < turns; turn += 1) await setImmediate();
      }
      if (stops) doing.push(told(store.fills.close()));
      const all = Promise.all(doing);
      const ending = { isOver: false };
      void all.then(() => (ending.isOver = true));
      while (!ending.isOver) {
        await Promise.all(open().map(async (fetch) => end(fetch, null)));
        store.clock.advance(5);
        await setImmediate();
      }
      for (const error of await all)
        if (error !== null && error.message !== 'called off') expect(error).toBeInstanceOf(WaystationError);
      await idle(store);
      await expectTidy(store);
      for (const { bytes, listed } of files) {
        const held = await store.blobs.open('open', listed);
        if (held !== null) expect((await readAll(held)).bytes.equals(bytes)).toBe(true);
      }
    }),
    { numRuns: 80 },
  );
}, 120_000);
