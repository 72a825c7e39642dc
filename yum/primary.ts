import { type PackageWriter } from './package-fields.ts';
import { parsePrimary } from './parse-primary.ts';
import { ScannerGaveUp, scanPrimary } from './scan-primary.ts';

export interface PrimaryOptions {
  /** Told why the document had to be read a second time, by saxes. */
  readonly onFallback?: (reason: string) => void;
}

/**
 * Reads a primary.xml into a collection that is all or nothing: first with the scanner; when that gives up, the whole
 * document again with saxes into a new collection, so nothing of the failed scan stays.
 *
 *     readPrimary(() => verifyOpen(decompress(sink.read(…), limits), record.open), (write) => sink.writeMap(id, write))
 *
 * @param reopen begins a new pass over the decompressed document. Whatever it throws at the end (a wrong checksum)
 *   fails the collection.
 * @param collect called once or twice: hands a writer to `fill`, awaits it, and discards everything when it rejects.
 * @returns what `collect` made of the packages.
 * @throws WaystationError `metadata_invalid`, `metadata_too_large`, or the error of `reopen` or `collect`.
 */
export async function readPrimary<Collected>(
  reopen: () => AsyncIterable<Buffer>,
  collect: (fill: (writer: PackageWriter) => Promise<void>) => Promise<Collected>,
  options: PrimaryOptions = {},
): Promise<Collected> {
  let gaveUp: ScannerGaveUp | null = null;
  try {
    return await collect(async (writer) => {
      try {
        await scanPrimary(reopen(), writer);
      } catch (error) {
        // Remembered here, because `collect` may wrap what it rejects with.
        if (error instanceof ScannerGaveUp) gaveUp = error;
        throw error;
      }
    });
  } catch (error) {
    if (gaveUp === null) throw error;
    options.onFallback?.((gaveUp as ScannerGaveUp).message);
  }
  return collect(async (writer) => void (await parsePrimary(reopen(), writer)));
}
