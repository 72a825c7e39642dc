import { parseDigest } from '../../base/digest.ts';
import type { Digest, Listed } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { Validators } from '../../base/transfer.ts';
import { replaceFile } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import type { Layout } from '../disk/layout.ts';

/** A file that no metadata lists, as it was last seen: a pointer to a blob, with what its origin said of it. */
export interface UnlistedEntry extends Validators {
  readonly format: 1;
  readonly repository: string;
  readonly file: string;
  readonly scope: string;
  readonly digest: Digest;
  readonly size: number;
  readonly contentType: string | null;
  /** The digest that they were compared with when they came; absent or null: there was none. */
  readonly proven?: Digest | null;
  /** RFC 3339: when these bytes came. */
  readonly fetched: string;
}

export function listedOf(entry: UnlistedEntry): Listed {
  return { digest: entry.digest, size: entry.size };
}

/** Whether the bytes are those that a digest of any algorithm means, as far as is known without reading them. */
export function isProven(entry: UnlistedEntry, digest: Digest): boolean {
  return entry.digest === digest || entry.proven === digest;
}

/**
 * @returns null when there is none.
 * @throws when the disk cannot read it; WaystationError `blob_damaged` when it is no pointer of this name. It is removed
 * then, so that this happens once; the file is fetched again.
 */
export async function readEntry(
  disk: Disk,
  layout: Layout,
  repository: string,
  file: string,
): Promise<UnlistedEntry | null> {
  const path = layout.unlistedEntry(repository, file);
  const bytes = await disk.readFile(path);
  if (bytes === null) return null;
  const entry = pointerIn(bytes);
  if (entry?.repository === repository && entry.file === file) return entry;
  await disk.unlink(path);
  throw new WaystationError('blob_damaged', 'it is no pointer of this format and name');
}

/** The pointer in a file's bytes, whatever it is for; null when it is none of this format. */
export function pointerIn(bytes: Buffer): UnlistedEntry | null {
  try {
    const entry = JSON.parse(bytes.toString()) as UnlistedEntry | null;
    const whole =
      entry?.format === 1 &&
      typeof entry.repository === 'string' &&
      typeof entry.file === 'string' &&
      typeof entry.scope === 'string' &&
      parseDigest(entry.digest) === entry.digest &&
      Number.isSafeInteger(entry.size);
    return whole ? entry : null;
  } catch {
    return null;
  }
}

export async function writeEntry(disk: Disk, layout: Layout, entry: UnlistedEntry): Promise<void> {
  await replaceFile(
    disk,
    layout.unlistedEntry(entry.repository, entry.file),
    Buffer.from(`${JSON.stringify(entry)}\n`),
  );
}
