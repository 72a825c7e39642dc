import { describe, expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import type { PackageWriter } from '../../yum/package-fields.ts';
import { parsePrimary } from '../../yum/parse-primary.ts';
import { readPrimary } from '../../yum/primary.ts';
import { scanPrimary } from '../../yum/scan-primary.ts';
import { generatedPackages, generatedPrimary, packageElement, primaryDocument } from '../support/primary-generator.ts';
import { chunked, collectPackages, gathered } from './collected-packages.ts';

const made = [...generatedPackages({ packages: 2, seed: 5 })];
const hrefs = made.map(({ href }) => href);
const plain = primaryDocument(made.map((each) => packageElement(each, 4)));

describe('reading a primary into a collection', () => {
  /** As a sink does: what a rejected fill wrote is gone, and the rejection may be another error. */
  function collection(): { attempts: number; collect: Parameters<typeof readPrimary<string[]>>[1] } {
    const state = {
      attempts: 0,
      collect: async (fill: (writer: PackageWriter) => Promise<void>): Promise<string[]> => {
        state.attempts++;
        const taken: string[] = [];
        try {
          await fill({ add: ({ href }) => taken.push(href), unservable: () => {} });
        } catch (error) {
          if (error instanceof WaystationError) throw error;
          throw new WaystationError('internal', 'discarded', { cause: error });
        }
        return taken;
      },
    };
    return state;
  }

  test('takes one pass for what the scanner knows', async () => {
    const sink = collection();
    expect(await readPrimary(() => chunked([Buffer.from(plain)]), sink.collect)).toEqual(hrefs);
    expect(sink.attempts).toBe(1);
  });

  test('reads the whole document again with saxes when the scanner gives up at its end, and nothing stays', async () => {
    const sink = collection();
    const reasons: string[] = [];
    const unusual = plain.replace('</metadata>', '<!-- end --></metadata>');
    const found = await readPrimary(() => chunked([Buffer.from(unusual)]), sink.collect, {
      onFallback: (reason) => reasons.push(reason),
    });
    expect(found).toEqual(hrefs);
    expect(sink.attempts).toBe(2);
    expect(reasons).toEqual(['something between packages']);
  });

  test('does not read again when the source itself failed', async () => {
    const sink = collection();
    const source = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from(plain);
      throw new WaystationError('record_mismatch', 'wrong');
    };
    await expect(readPrimary(source, sink.collect)).rejects.toMatchObject({ code: 'record_mismatch' });
    expect(sink.attempts).toBe(1);
  });

  test('leaves a source that it gave up, so that nothing stays open', async () => {
    let open = 0;
    const source = async function* (): AsyncGenerator<Buffer> {
      open++;
      try {
        yield Buffer.from(
          plain.replace('<name>', '<!-- --><name>').replace('packages="2"', 'packages="x"').padEnd(400_000),
        );
        yield Buffer.from(' ');
      } finally {
        open--;
      }
    };
    expect(await readPrimary(source, collection().collect)).toHaveLength(2);
    expect(open).toBe(0);
  });

  test('lets the event loop turn while it reads', async () => {
    const large = await gathered(generatedPrimary({ packages: 2000, seed: 3 }));
    for (const read of [scanPrimary, parsePrimary]) {
      let turns = 0;
      let reading = true;
      const count = (): void => {
        turns++;
        if (reading) setImmediate(count);
      };
      setImmediate(count);
      await collectPackages(read, [large]);
      reading = false;
      expect(turns).toBeGreaterThan(20);
    }
  });
});
