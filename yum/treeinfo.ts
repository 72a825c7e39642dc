import { parseDigest } from '../base/digest.ts';
import type { Digest } from '../base/digest.ts';

/** Bytes. Real ones have a few kilobytes. */
export const largestTreeinfo = 1024 * 1024;
const mostFiles = 10_000;
const longestPath = 1_024;

/**
 * The digests that a `.treeinfo` has in its `[checksums]` section: path relative to the tree → digest. An INI file as
 * Python's ConfigParser reads it (productmd writes them so): `path = algorithm:hex`, `=` or `:`, names as they stand, the
 * later of two lines counts. A line that says something else, an unknown algorithm, or a path that leads out of the
 * tree is passed over: nothing can be checked by it.
 * @param text of at most `largestTreeinfo` bytes; the first 10,000 files of it count.
 */
export function treeinfoChecksums(text: string): ReadonlyMap<string, Digest> {
  const digests = new Map<string, Digest>();
  let inside = false;
  for (const line of text.slice(0, largestTreeinfo).split(/\r?\n/)) {
    const section = /^\[([^\]]+)\]/.exec(line);
    if (section !== null) {
      inside = section[1]?.trim() === 'checksums';
      continue;
    }
    // Comments, and lines that continue the value before them.
    if (!inside || /^[\s#;]/.test(line)) continue;
    const at = line.search(/[=:]/);
    if (at < 1) continue;
    const path = line.slice(0, at).trim();
    const digest = parseDigest(line.slice(at + 1).trim());
    if (digest === null || !insideTree(path)) continue;
    digests.set(path, digest);
    if (digests.size === mostFiles) break;
  }
  return digests;
}

function insideTree(path: string): boolean {
  return path.length <= longestPath && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
