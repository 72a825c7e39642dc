import { digestFrom } from '../base/digest.ts';
import { WaystationError } from '../base/errors.ts';
import type { Listed } from '../base/digest.ts';
import type { Unservable } from '../base/package-entry.ts';
import { maxPackages } from './package-fields.ts';
import { checkHref } from './repository-path.ts';

/** The root of a repository of plain files, below its URL: Pulp's file plugin writes and reads it. */
export const manifestHref = 'PULP_MANIFEST';

/** Where the files of a manifest go. A sink's map writer is one. */
export interface ManifestWriter {
  add(entry: { readonly href: string; readonly listed: Listed }): void;
  unservable(entry: Unservable): void;
}

/**
 * Reads a `PULP_MANIFEST`: a line for each file, `name,sha256,size`, the name relative to the repository; it may have
 * commas itself. Empty lines, and those that begin with `#`, are passed over. A line that says something else, or a name that leads out of the
 * repository, makes its file unservable and stops nothing.
 * @throws WaystationError `metadata_invalid` when no line is one of a manifest, `metadata_too_large`.
 */
export function readManifest(text: string, to: ManifestWriter): void {
  let [lines, files] = [0, 0];
  for (const line of linesOf(text)) {
    lines += 1;
    if (lines > maxPackages) throw new WaystationError('metadata_too_large', `it lists more than ${maxPackages} files`);
    const [, name = '', hex = '', size = ''] = /^(.+),\s*([0-9a-fA-F]{64})\s*,\s*(\d{1,15})\s*$/.exec(line) ?? [];
    const digest = digestFrom('sha256', hex);
    if (digest === null) {
      to.unservable({ href: line.slice(0, 200), reason: 'checksum' });
      continue;
    }
    files += 1;
    const href = checkHref(name.trim());
    if (!href.ok) to.unservable({ href: name, reason: href.reason });
    else if (href.path === manifestHref) to.unservable({ href: name, reason: 'duplicate' });
    else to.add({ href: href.path, listed: { digest, size: Number(size) } });
  }
  if (lines > 0 && files === 0) throw new WaystationError('metadata_invalid', 'no line of it is `name,sha256,size`');
}

/** The lines that say something, one at a time: a manifest may have millions. */
function* linesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found;
    const line = text.slice(start, end).trim();
    if (line !== '' && !line.startsWith('#')) yield line;
    start = end + 1;
  }
}
