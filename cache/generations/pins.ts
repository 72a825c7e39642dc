import { WaystationError } from '../../base/errors.ts';
import { diskError, replaceFile } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import type { Layout } from '../disk/layout.ts';

/**
 * The generations that `pins.json` keeps whatever their age; none without the file.
 * @throws WaystationError `disk_failing` when it cannot be read or says something else: nothing may be retired then.
 */
export async function readPins(disk: Disk, layout: Layout): Promise<ReadonlySet<string>> {
  let bytes: Buffer | null;
  try {
    bytes = await disk.readFile(layout.pins);
  } catch (error) {
    throw diskError(error, layout.pins);
  }
  if (bytes === null) return new Set();
  const pins = pinsOf(bytes.toString());
  if (pins === null) throw new WaystationError('disk_failing', `${layout.pins} is no list of pins of format 1`);
  return new Set(pins);
}

/** Replaces the list as a whole; durable when it resolves. @throws WaystationError */
export async function writePins(disk: Disk, layout: Layout, pins: readonly string[]): Promise<void> {
  try {
    await replaceFile(disk, layout.pins, Buffer.from(`${JSON.stringify({ format: 1, pins }, null, 2)}\n`));
  } catch (error) {
    throw diskError(error, layout.pins);
  }
}

function pinsOf(text: string): readonly string[] | null {
  try {
    const file = JSON.parse(text) as { readonly format?: unknown; readonly pins?: unknown } | null;
    if (file?.format !== 1 || !Array.isArray(file.pins)) return null;
    const pins: readonly unknown[] = file.pins;
    return pins.every((pin) => typeof pin === 'string') ? pins : null;
  } catch {
    return null;
  }
}
