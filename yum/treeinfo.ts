import { parseDigest } from '../base/digest.ts';
import type { Digest } from '../base/digest.ts';
import { checkHref } from './repository-path.ts';

/** Bytes. Real ones have a few kilobytes. */
export const largestTreeinfo = 1024 * 1024;
/** Real trees list some 20 files. */
const mostFiles = 1_000;
const mostVariants = 100;
/** A text with none of these sections is something else: a page that says sorry. */
const ownSection = /^\[(?:header|general|release|tree|checksums)\]/m;

/** What a `.treeinfo` says that a mirror has to know. */
export interface Treeinfo {
  /** The files with a checksum that can be proven: path relative to the tree → digest. */
  readonly files: ReadonlyMap<string, Digest>;
  /** Lines of `[checksums]` that are of no use: an unknown algorithm, a path out of the tree, more than 1,000 files. */
  readonly unusable: number;
  /** Where the variants' repositories are, as written: relative to the tree. Each once, the tree itself not. */
  readonly variants: readonly string[];
}

/**
 * Reads a `.treeinfo` as Python's ConfigParser does (productmd writes them so): `name = value`, `=` or `:`, names as they
 * stand, the later of two lines counts. `[checksums]` has `path = algorithm:hex`; `[variant-NAME]` has `repository = path`.
 * What repomd.xml or primary are to list (`repodata/`, packages) is left to them.
 * @param text of more than `largestTreeinfo` bytes the rest is not looked at.
 * @returns null when it is no `.treeinfo` at all. What one says wrongly is counted.
 */
export function parseTreeinfo(text: string): Treeinfo | null {
  if (!ownSection.test(text)) return null;
  const files = new Map<string, Digest>();
  const variants = new Set<string>();
  let unusable = 0;
  for (const { section, name, value } of settings(text.slice(0, largestTreeinfo))) {
    if (section.startsWith('variant-') && name === 'repository') {
      if (variants.size < mostVariants && isSibling(value)) variants.add(value);
    } else if (section === 'checksums' && !isMetadata(name)) {
      const path = checkHref(name);
      const digest = parseDigest(value);
      const isUsable = digest !== null && path.ok && path.path === name && (files.has(name) || files.size < mostFiles);
      if (isUsable) files.set(name, digest);
      else unusable += 1;
    }
  }
  return { files, unusable, variants: [...variants] };
}

interface Setting {
  readonly section: string;
  readonly name: string;
  readonly value: string;
}

function* settings(text: string): Generator<Setting> {
  let section = '';
  for (const line of text.split(/\r?\n/)) {
    const heading = /^\[([^\]]+)\]/.exec(line);
    if (heading !== null) {
      section = heading[1]?.trim() ?? '';
      continue;
    }
    // Comments, and lines that continue the value before them.
    if (/^[\s#;]/.test(line)) continue;
    const at = line.search(/[=:]/);
    if (at >= 1) yield { section, name: line.slice(0, at).trim(), value: line.slice(at + 1).trim() };
  }
}

/** Whether the metadata proper says what such a path is: its names are proven to be there or not without the tree. */
function isMetadata(path: string): boolean {
  return path.startsWith('repodata/') || path.endsWith('.rpm') || /^\.?treeinfo$/.test(path);
}

/** Another place than the tree itself, and no URL or absolute path. */
function isSibling(repository: string): boolean {
  return repository !== '' && repository !== '.' && repository.length <= 1_024 && !/^\/|:\/\//.test(repository);
}

/**
 * The served path of a variant's repository.
 * @param repository the path of the tree's own, as served.
 * @returns null when it leads above everything that is served.
 */
export function variantPath(repository: string, variant: string): string | null {
  const path = repository.split('/');
  for (const step of variant.split('/')) {
    if (step === '' || step === '.') continue;
    if (step !== '..') path.push(step);
    else if (path.pop() === undefined) return null;
  }
  return path.length === 0 ? null : path.join('/');
}
