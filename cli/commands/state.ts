import { stat } from 'node:fs/promises';
import { geteuid } from 'node:process';
import { asWaystationError, systemCode, WaystationError } from '../../base/errors.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { stateFormats } from '../../cache/disk/formats.ts';
import type { StateFormats } from '../../cache/disk/formats.ts';
import { upgradeState } from '../../cache/upkeep/upgrade.ts';
import { exitCodes } from '../exit-codes.ts';
import { lockState } from '../state-lock.ts';
import type { TakenName } from '../abstract-name.ts';
import type { Terminal } from '../terminal.ts';

export interface StateUpgradeRequest {
  /** The state directory. */
  readonly root: string;
  readonly json: boolean;
  readonly disk?: Disk;
  readonly formats?: StateFormats;
}

/**
 * `waystation state upgrade`: brings the state directory to the format of this version, with the service stopped. A
 * directory that is in it already is left as it is.
 * @throws WaystationError `state_locked`, `state_unusable`, `state_format_unknown`, or what the disk refused.
 */
export async function stateUpgrade(request: StateUpgradeRequest, terminal: Terminal): Promise<number> {
  const { root, json, disk = systemDisk, formats = stateFormats } = request;
  const say = json ? () => {} : terminal.out;
  await ownDirectory(root);
  const lock = await locked(root);
  try {
    const { from, to, steps } = await upgradeState(disk, root, formats, (step) =>
      say(`format ${step.from} to ${step.to}: ${step.summary}`),
    );
    if (json) terminal.out(JSON.stringify({ state: root, from, to, steps }, null, 2));
    else if (steps.length > 0) say(`${root} is in format ${to} now; versions that do not know it refuse it`);
    else if (from === null) say(`${root} is empty: nothing to do`);
    else say(`${root} is in format ${to} already: nothing to do`);
    return exitCodes.ok;
  } finally {
    lock.release();
  }
}

/** What another user than the service's writes, the service could not read. */
async function ownDirectory(root: string): Promise<void> {
  let owner: number;
  try {
    owner = (await stat(root)).uid;
  } catch (error) {
    const reason = systemCode(error) === 'ENOENT' ? 'there is no such directory' : asWaystationError(error).message;
    throw new WaystationError('state_unusable', `state directory ${root}: ${reason}`, { cause: error });
  }
  if (geteuid?.() !== owner)
    throw new WaystationError(
      'state_unusable',
      `state directory ${root} belongs to another user (uid ${owner}): run this command as that user`,
    );
}

async function locked(root: string): Promise<TakenName> {
  try {
    return await lockState(root);
  } catch (error) {
    const failure = asWaystationError(error);
    if (failure.code !== 'state_locked') throw failure;
    const message = `${failure.message}; stop the service first, then run this command again`;
    throw new WaystationError('state_locked', message, { cause: error });
  }
}
