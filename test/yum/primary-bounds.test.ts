import { describe, expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import type { PackageWriter } from '../../yum/package-fields.ts';
import { parsePrimary } from '../../yum/parse-primary.ts';
import { ScannerGaveUp, scanPrimary } from '../../yum/scan-primary.ts';
import { primaryHead } from '../support/primary-generator.ts';

describe('a hostile document is refused long before its end', () => {
  /** Without end, unless the reader stops; the test's own limit is far above every limit of the reader. */
  async function* endless(head: string, piece: string, given: { bytes: number }): AsyncGenerator<Buffer> {
    yield Buffer.from(head);
    const chunk = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)));
    while (given.bytes < 200 * 1024 * 1024) {
      given.bytes += chunk.length;
      yield chunk;
    }
  }

  const head = primaryHead(1);
  const inPackage = `${head}<package type="rpm">\n`;
  test.each([
    ['an attribute', `${inPackage}<location href="`, 'x'],
    ['a tag of many attributes', `${inPackage}<location`, ' a="b"'],
    ['a name', `${inPackage}<name>`, 'x'],
    ['a name made of CDATA sections', `${inPackage}<name>`, '<![CDATA[xxxxxxxxxxxxxxxx]]>'],
    ['a comment', `${inPackage}<!--`, ' - <'],
    ['CDATA', `${inPackage}<![CDATA[`, ']<x'],
    ['an entity', `${inPackage}<summary>&`, 'x'],
    ['a processing instruction', `${inPackage}<?x`, ' y'],
    ['nesting', inPackage, '<a>'],
    ['a document type', '<!DOCTYPE a [', '<!ENTITY a "b">'],
    ['white space instead of a document', ' ', '\n'],
    ['hrefs that are only named', head, `<package><location href="/${'x'.repeat(2000)}"/></package>`],
  ])('%s without end', async (_name, begin, piece) => {
    const given = { bytes: 0 };
    const ignore: PackageWriter = { add: () => {}, unservable: () => {} };
    const error: unknown = await parsePrimary(endless(begin, piece, given), ignore).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WaystationError);
    expect(['metadata_invalid', 'metadata_too_large']).toContain((error as WaystationError).code);
    expect(given.bytes).toBeLessThan(40 * 1024 * 1024);
    const scanned = { bytes: 0 };
    await expect(scanPrimary(endless(begin, piece, scanned), ignore)).rejects.toBeInstanceOf(ScannerGaveUp);
    expect(scanned.bytes).toBeLessThan(40 * 1024 * 1024);
  });
});
