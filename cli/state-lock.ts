import { stat } from 'node:fs/promises';
import { WaystationError } from '../base/errors.ts';
import { takeName } from './abstract-name.ts';
import type { TakenName } from './abstract-name.ts';

/**
 * Takes a state directory for this process, by a name made of its device and inode: given back when the process ends.
 * One state directory belongs to one network namespace.
 * @throws WaystationError `state_locked`
 */
export async function lockState(directory: string): Promise<TakenName> {
  const { dev, ino } = await stat(directory);
  const locked = (reason: string, cause?: unknown): WaystationError =>
    new WaystationError('state_locked', `state directory ${directory} cannot be locked: ${reason}`, { cause });
  const taken = await takeName(`waystation-state-${dev}-${ino}`).catch((error: unknown) => {
    throw locked(String(error), error);
  });
  if (taken === null) throw locked('another waystation process uses it');
  return taken;
}
