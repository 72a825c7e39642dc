import { systemClock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { parseDuration } from '../../config/durations.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { retireKey, rotateKey } from '../../hub/keys/retirement.ts';
import type { SigningKeys } from '../../hub/keys/signing-keys.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainTable, tableText } from '../plain-table.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { terminalLog } from '../terminal-log.ts';
import { openFleet } from './fleet-parts.ts';
import { localUser } from './local-user.ts';

interface Asked {
  readonly config: HubConfig;
  readonly json: boolean;
}

/** `hub keys` */
export async function keysList({ config, json }: Asked, terminal: Terminal): Promise<number> {
  const rows = rowsOf((await openFleet(config, terminalLog(terminal))).keys);
  if (json) {
    terminal.out(JSON.stringify({ keys: rows }, null, 2));
    return exitCodes.ok;
  }
  const table = plainTable(['KEY', 'STATE', 'CREATED', 'SIGNS'].map((head) => terminal.paint('dim', head)));
  for (const { id, state, created, signs } of rows) table.push([id, state, created, signs]);
  terminal.out(tableText(table));
  return exitCodes.ok;
}

/** `hub keys rotate --after DURATION`: a new key, which PoPs hear of at once, and by which is signed after that. */
export async function keysRotate(
  { config, json, after }: Asked & { readonly after: string },
  terminal: Terminal,
): Promise<number> {
  const wait = parseDuration(after);
  if (wait === null) throw new WaystationError('bad_request', '--after is a duration such as 72h or 7d');
  const { store, keys, audit } = await openFleet(config, terminalLog(terminal));
  const { id, signs } = await rotateKey(store, keys, systemClock.now() + wait);
  const from = new Date(signs).toISOString();
  await audit.note({ who: localUser(), what: 'keys.rotate', on: id, to: `signs from ${from}` });
  terminal.out(json ? JSON.stringify({ id, signs: from }, null, 2) : `${id} signs from ${from}`);
  return exitCodes.ok;
}

/**
 * `hub keys retire ID`: not while there are PoPs that cannot know another key yet.
 * @param asked `force`: also then; these have to register again.
 */
export async function keysRetire(
  { config, json, id, force }: Asked & { readonly id: string; readonly force: boolean },
  terminal: Terminal,
): Promise<number> {
  const { store, keys, audit, standings } = await openFleet(config, terminalLog(terminal));
  const newest = keys.signer.created;
  const away = (await standings.pops()).filter(
    ({ state, lastSeen }) => state !== 'revoked' && (lastSeen === null || Date.parse(lastSeen) < newest),
  );
  if (away.length > 0 && !force) {
    const names = away.slice(0, 10).map(({ name }) => name);
    const who = `${names.join(', ')}${away.length > names.length ? ` and ${away.length - names.length} more` : ''}`;
    const why = `were not heard of since ${keys.signer.id} was made, so they may not know it: ${who}`;
    throw new WaystationError('bad_request', `PoPs ${why}. With --force they may have to register again`);
  }
  const count = await retireKey(store, keys, id);
  await audit.note({ who: localUser(), what: 'keys.retire', on: id, to: `${count} documents signed again` });
  const text = `${id} is believed no more; ${count} documents were signed again`;
  terminal.out(json ? JSON.stringify({ id, signedAgain: count }, null, 2) : plainText(text));
  return exitCodes.ok;
}

interface Row {
  readonly id: string;
  readonly state: 'signs' | 'will sign' | 'believed';
  readonly created: string;
  readonly signs: string;
}

function rowsOf(keys: SigningKeys): readonly Row[] {
  const now = systemClock.now();
  return keys.list.map(({ id, created, signs }) => ({
    id,
    state: id === keys.signer.id ? 'signs' : signs > now ? 'will sign' : 'believed',
    created: new Date(created).toISOString(),
    signs: new Date(signs).toISOString(),
  }));
}
