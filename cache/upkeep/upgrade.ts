import { WaystationError } from '../../base/errors.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { formatPath, readFormat, writeFormat } from '../disk/format-file.ts';
import { currentFormat } from '../disk/formats.ts';
import type { StateFormats } from '../disk/formats.ts';
import { unknownFormat } from '../disk/state-directory.ts';

/** From one format to the next. */
export interface UpgradeStep {
  readonly from: number;
  readonly to: number;
  readonly summary: string;
}

export interface Upgraded {
  /** The format that it was in; null: the directory is empty. */
  readonly from: number | null;
  readonly to: number;
  /** What was done. */
  readonly steps: readonly UpgradeStep[];
}

/**
 * Brings a state directory to the current format, one format after the other. Called with its lock held. Before the
 * first change `FORMAT` says what is under way, so that no version serves from a directory that is half the one and half
 * the other; at the end of each step it says the format reached. Whatever cuts it short, a repeat completes it.
 * @param began is told each step before it begins.
 * @throws WaystationError `state_format_unknown`, `state_unusable`, or what the disk refused.
 */
export async function upgradeState(
  disk: Disk,
  root: string,
  formats: StateFormats,
  began: (step: UpgradeStep) => void,
): Promise<Upgraded> {
  const to = currentFormat(formats).number;
  const found = await readFormat(disk, root);
  if (found === null) return { from: null, to, steps: [] };
  const { number: from, toward } = found;
  const unknown = [from, toward].find((number) => number !== null && !formats.some((one) => one.number === number));
  if (typeof unknown === 'number') throw unknownFormat(root, unknown, formats);
  const steps: UpgradeStep[] = [];
  for (const { number, step } of formats.filter((format) => format.number > from)) {
    if (step === null) throw new WaystationError('internal', `there is no way to format ${number}`);
    const taken = { from: number - 1, to: number, summary: step.summary };
    began(taken);
    try {
      await writeFormat(disk, root, { number: taken.from, toward: number });
      await step.run(disk, root);
      await writeFormat(disk, root, { number, toward: null });
    } catch (error) {
      throw diskError(error, formatPath(root));
    }
    steps.push(taken);
  }
  return { from, to, steps };
}
