import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { asWaystationError } from '../../base/errors.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import type { Script } from '../support/scripted-loader.ts';
import { flipped, mebibyte, pieces, readAll } from './pieces.ts';
import type { Got } from './pieces.ts';

/** Bytes that differ everywhere, cheaply. */
function content(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed | 1;
  for (let at = 0; at < size; at += 1) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

const sizes = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.integer({ min: 0, max: 200_000 }),
  fc.integer({ min: mebibyte - 2, max: mebibyte + 2 }),
  fc.integer({ min: mebibyte, max: 3 * mebibyte }),
);

type Fault = 'none' | 'cut' | 'flip' | 'short' | 'long' | 'total';
const faults = fc.array(
  fc.record({
    fault: fc.constantFrom<Fault>('none', 'cut', 'flip', 'short', 'long', 'total'),
    /** Where, as a share of the file. */
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    chunks: fc.array(fc.integer({ min: 1, max: 400_000 }), { minLength: 1, maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 4 },
);

function script(bytes: Buffer, { fault, at, chunks }: { fault: Fault; at: number; chunks: number[] }): Script {
  const place = Math.floor(at * bytes.length);
  // A few hundred chunks at most, so that a run takes its time for other cases.
  const least = Math.max(1, Math.floor(bytes.length / 300));
  const common = { chunks: chunks.map((chunk) => Math.max(chunk, least)) };
  const scripts: Record<Fault, Script> = {
    none: { bytes },
    cut: { bytes, cutAt: place },
    flip: { bytes: bytes.length === 0 ? bytes : flipped(bytes, Math.min(place, bytes.length - 1)) },
    short: { bytes: bytes.subarray(0, place), total: null },
    long: { bytes: Buffer.concat([bytes, Buffer.alloc(1 + place)]), total: null },
    total: { bytes, total: bytes.length + 1 + place },
  };
  return { ...scripts[fault], ...common };
}

const failed = (error: unknown): Got => ({ bytes: Buffer.alloc(0), error: asWaystationError(error) });

test('whatever the sources do: a client gets the whole file, right, or less than the whole; and only right files stay', async () => {
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.integer(),
      faults,
      fc.array(fc.integer({ min: 1000, max: 300_000 }), { minLength: 1, maxLength: 3 }),
      async (size, seed, transfers, clients) => {
        await using store = await pieces();
        const bytes = content(size, seed);
        const listed = { digest: digestOf(bytes), size };
        const start = new Gate();
        const loader = new ScriptedLoader(
          transfers.map((transfer) => script(bytes, transfer)),
          { before: start },
        );
        const request = { scope: 'open', listed, loader: () => loader };
        const reading = clients.map(async (chunk) => {
          try {
            const { source } = await store.fills.open(request, 0);
            return await readAll(source, { chunk });
          } catch (error) {
            return failed(error);
          }
        });
        start.open();
        for (const got of await Promise.all(reading)) {
          if (got.error === null) expect(got.bytes.equals(bytes)).toBe(true);
          else expect(got.bytes.length).toBeLessThan(Math.max(1, size));
        }
        const held = await store.blobs.open('open', listed);
        if (held !== null) expect((await readAll(held)).bytes.equals(bytes)).toBe(true);
      },
    ),
    { numRuns: 150 },
  );
}, 60_000);
