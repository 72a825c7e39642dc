import { WaystationError } from '../base/errors.ts';
import type { Digest } from '../base/digest.ts';
import { parseMetalink } from './metalink.ts';
import { maxMirrorListBytes, maxMirrors, type MirrorList, mirrorUrl } from './mirror-url.ts';

/** A mirror list that may have turned out to be a metalink; `hashes` is null for a plain list. */
export interface MirrorListing extends MirrorList {
  readonly hashes: readonly Digest[] | null;
}

/**
 * Reads what `mirrorlist=` points at: one base URL a line, `#` begins a comment line; or a metalink, which dnf reads
 * there too. Lines that are no http or https URL are passed over, as dnf does.
 * @throws WaystationError `mirror_list_invalid` when nothing usable is left.
 */
export function parseMirrorList(bytes: Buffer): MirrorListing {
  if (bytes.length > maxMirrorListBytes) return invalid(`is larger than ${maxMirrorListBytes} bytes`);
  const text = bytes
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trim();
  if (/^<(\?xml|metalink|!--)/.test(text)) return parseMetalink(bytes);
  if (text.startsWith('<')) return invalid('looks like an HTML page');
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim());
  const entries = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (entries.length === 0) return invalid('has no mirrors');
  const urls = new Set(entries.slice(0, maxMirrors).flatMap((line) => mirrorUrl(line) ?? []));
  if (urls.size === 0) return invalid('has no http or https URL');
  return { urls: [...urls], hashes: null };
}

function invalid(reason: string): never {
  throw new WaystationError('mirror_list_invalid', `the mirror list ${reason}`);
}
