import { dirname } from 'node:path';
import { WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { diskError, unfinishedSuffix } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { formatPath, readFormat, writeFormat } from './format-file.ts';
import type { FormatFile } from './format-file.ts';
import { currentFormat, servedFormats } from './formats.ts';
import type { StateFormat, StateFormats } from './formats.ts';
import type { Layout } from './layout.ts';

/** A state directory that can be served from. */
export interface StateDirectory {
  readonly layout: Layout;
  /** The format that it is in: the current one, or the one before. */
  readonly format: number;
  /** Why it cannot be written; null: it can. One that cannot is served from as it is. */
  readonly refusal: WaystationError | null;
}

/**
 * Makes the state directory itself, so that it can be locked. Nothing that is there is changed.
 * @throws WaystationError `state_unusable`
 */
export async function makeStateDirectory(disk: Disk, root: string): Promise<void> {
  try {
    await disk.makeFolder(root);
  } catch (error) {
    throw unmakeable(root, error);
  }
}

/**
 * Checks the state directory and makes what is missing in it. Called with its lock held: nobody upgrades it meanwhile.
 * @throws WaystationError `state_format_unknown`, or `state_unusable` when it is neither readable nor writable.
 */
export async function prepareStateDirectory(disk: Disk, root: string, formats: StateFormats): Promise<StateDirectory> {
  const found = await readFormat(disk, root);
  const { number: format, layout: layoutOf } = found === null ? currentFormat(formats) : served(root, found, formats);
  const layout = layoutOf(root);
  try {
    for (const folder of [layout.blobs, layout.maps, layout.generations, layout.unlisted, layout.parts])
      await disk.makeFolder(folder);
    // An earlier start may have been killed when it had made the directory, and not synced its name. Who may not read
    // the folder above did not make it.
    if (found === null) await disk.syncFolder(dirname(root)).catch(() => {});
    if (found === null) await writeFormat(disk, root, { number: format, toward: null });
    else await tryToWrite(disk, root);
    return { layout, format, refusal: null };
  } catch (error) {
    if (found === null) throw unmakeable(root, error);
    return { layout, format, refusal: diskError(error, root) };
  }
}

/** Without a sync: that costs as much as all the rest of a start. Its name is one that a start removes if it stays. */
async function tryToWrite(disk: Disk, root: string): Promise<void> {
  const path = `${formatPath(root)}${unfinishedSuffix}`;
  const file = await disk.openPart(path);
  try {
    await file.write([Buffer.from('can be written\n')], 0);
  } finally {
    await file.close();
    await disk.unlink(path);
  }
}

function served(root: string, { number, toward }: FormatFile, formats: StateFormats): StateFormat {
  const path = formatPath(root);
  if (toward !== null)
    throw new WaystationError(
      'state_format_unknown',
      `${path}: an upgrade from format ${number} to ${toward} did not end; complete it with \`waystation state upgrade\` of the version that began it`,
    );
  const format = servedFormats(formats).find((one) => one.number === number);
  if (format !== undefined) return format;
  if (formats.some((one) => one.number === number))
    throw new WaystationError(
      'state_format_unknown',
      `${path} says format ${number}, which this version can upgrade but not serve from: run \`waystation state upgrade\``,
    );
  throw unknownFormat(root, number, formats);
}

/** Why a directory of a format that is not in the table is refused, and what to do. */
export function unknownFormat(root: string, number: number, formats: StateFormats): WaystationError {
  const [first, last] = [formats[0].number, currentFormat(formats).number];
  const known = first === last ? `format ${last}` : `formats ${first} to ${last}`;
  const advice =
    number > last
      ? 'install the version that wrote it, or a newer one'
      : 'upgrade it with an older version, one format after the other';
  return new WaystationError(
    'state_format_unknown',
    `${formatPath(root)} says format ${number}; this version knows ${known}: ${advice}, or give another state directory`,
  );
}

function unmakeable(root: string, error: unknown): WaystationError {
  const { message } = diskError(error, root);
  return new WaystationError('state_unusable', `state directory ${root} cannot be made: ${message}`, { cause: error });
}

/** What is written stays readable by the version before until the operator says otherwise: so that there is a way back. */
export function sayFormat({ layout, format }: StateDirectory, formats: StateFormats, log: Logger): void {
  const current = currentFormat(formats).number;
  if (format === current) return;
  log.info(
    { state: layout.root, format, current },
    'the state directory is served in the format before; `waystation state upgrade` ends that, and the way back to the older version',
  );
}
