import { WaystationError } from '../../base/errors.ts';
import type { Disk } from './disk.ts';
import { diskError, replaceFile } from './disk.ts';
import type { Layout } from './layout.ts';

/** The format that this version writes; `docs/on-disk-format.md` describes it. */
export const stateFormat = 1;

/**
 * Checks and makes the state directory.
 * @returns why it cannot be written, null when it can; one that cannot is served from as it is.
 * @throws WaystationError `state_format_unknown`, or `state_unusable` when it is neither readable nor writable.
 */
export async function prepareStateDirectory(disk: Disk, layout: Layout): Promise<WaystationError | null> {
  const format = await readFormat(disk, layout);
  try {
    for (const folder of [layout.root, layout.blobs, layout.maps, layout.generations, layout.unlisted, layout.parts]) {
      await disk.makeFolder(folder);
    }
    // Written at each start: the cheapest proof that the directory can be written.
    await replaceFile(disk, layout.format, Buffer.from(`waystation ${stateFormat}\n`));
    return null;
  } catch (error) {
    const failure = diskError(error, layout.root);
    if (format === null) {
      throw new WaystationError('state_unusable', `state directory ${layout.root} cannot be made: ${failure.message}`, {
        cause: error,
      });
    }
    return failure;
  }
}

async function readFormat(disk: Disk, layout: Layout): Promise<number | null> {
  let bytes: Buffer | null;
  try {
    bytes = await disk.readFile(layout.format);
  } catch (error) {
    throw new WaystationError(
      'state_unusable',
      `state directory ${layout.root} cannot be read: ${diskError(error, layout.format).message}`,
      { cause: error },
    );
  }
  if (bytes === null) {
    const stored = await disk.list(layout.blobs).catch(() => []);
    if (stored.length === 0) return null;
    throw new WaystationError(
      'state_format_unknown',
      `${layout.root} holds blobs but no FORMAT file: give another state directory, or restore FORMAT`,
    );
  }
  const found = /^waystation (\d{1,6})\n?$/.exec(bytes.toString('latin1'));
  const format = found === null ? null : Number(found[1]);
  if (format === stateFormat) return format;
  const said = format === null ? 'is no waystation format' : `says format ${format}`;
  throw new WaystationError(
    'state_format_unknown',
    `${layout.format} ${said}; this version reads format ${stateFormat}: run the version that wrote it, or give another state directory`,
  );
}
