import { join } from 'node:path';
import { WaystationError } from '../../base/errors.ts';
import { diskError, replaceFile } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { Layout } from './layout.ts';

/** What `FORMAT` says. */
export interface FormatFile {
  readonly number: number;
  /** The format that an upgrade began to make of it and did not end; null: none is under way. */
  readonly toward: number | null;
}

/**
 * @returns null for a directory that is not there or empty.
 * @throws WaystationError `state_unusable` when it cannot be read, `state_format_unknown` when it holds blobs and no
 * FORMAT, or one that says nothing known.
 */
export async function readFormat(disk: Disk, root: string): Promise<FormatFile | null> {
  const path = formatPath(root);
  let bytes: Buffer | null;
  try {
    bytes = await disk.readFile(path);
  } catch (error) {
    throw new WaystationError(
      'state_unusable',
      `state directory ${root} cannot be read: ${diskError(error, path).message}`,
      { cause: error },
    );
  }
  if (bytes === null) {
    const stored = await disk.list(new Layout(root).blobs).catch(() => []);
    if (stored.length === 0) return null;
    throw new WaystationError(
      'state_format_unknown',
      `${root} holds blobs but no FORMAT file: restore it (one line, "waystation N", N the format of the version that wrote the blobs), or give another state directory`,
    );
  }
  const found = /^waystation (\d{1,6})(?: to (\d{1,6}))?\n?$/.exec(bytes.toString('latin1'));
  if (found === null)
    throw new WaystationError(
      'state_format_unknown',
      `${path} is no waystation format: run the version that wrote it, or give another state directory`,
    );
  return { number: Number(found[1]), toward: found[2] === undefined ? null : Number(found[2]) };
}

/** Replaces `FORMAT`, durably. */
export async function writeFormat(disk: Disk, root: string, { number, toward }: FormatFile): Promise<void> {
  const text = toward === null ? `waystation ${number}\n` : `waystation ${number} to ${toward}\n`;
  await replaceFile(disk, formatPath(root), Buffer.from(text));
}

/** The one path that is the same in every format. */
export function formatPath(root: string): string {
  return join(root, 'FORMAT');
}
