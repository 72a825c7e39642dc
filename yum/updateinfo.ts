import { setImmediate } from 'node:timers/promises';
import { XmlReader } from './xml-reader.ts';

/** Bytes read between two turns of the event loop. */
const sliceBytes = 64 * 1024;
/** More than any real repository has; each costs memory. */
const maxAdvisories = 1_000_000;

/**
 * Reads the ids of all advisories of a decompressed updateinfo.xml: the texts of `<updates><update><id>`, streaming.
 * An advisory without an id is passed over; an id that comes twice counts once.
 * @throws WaystationError `metadata_invalid`, `metadata_too_large`, or the source's own error.
 */
export async function readAdvisoryIds(source: AsyncIterable<Buffer>): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  const path: string[] = [];
  const reader: XmlReader = new XmlReader(
    {
      open: ({ local }, depth) => {
        if (depth === 0 && local !== 'updates') reader.refuse(`has the root element <${local}>, not <updates>`);
        path.length = depth;
        path.push(local);
        if (isId(path)) reader.collectText();
      },
      close: (depth, text) => {
        const id = text.trim();
        if (depth === 2 && isId(path) && id !== '') ids.add(Buffer.from(id).toString());
        path.length = depth;
        if (ids.size > maxAdvisories) reader.refuse(`names more than ${maxAdvisories} advisories`);
      },
    },
    { code: 'metadata_invalid', what: 'updateinfo.xml' },
  );
  for await (const chunk of source) {
    for (let start = 0; start < chunk.length; start += sliceBytes) {
      reader.write(chunk.subarray(start, start + sliceBytes));
      await setImmediate();
    }
  }
  reader.end();
  return ids;
}

function isId(path: readonly string[]): boolean {
  return path.length === 3 && path[1] === 'update' && path[2] === 'id';
}
