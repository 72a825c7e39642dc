import { systemClock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { HubControl } from '../../hub/api/control.ts';
import { parseLabelChanges } from '../../hub/fleet/labels.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { popDetail, popsText } from './pop-text.ts';
import { labelsText } from './token-text.ts';

interface Asked {
  readonly hub: HubControl;
  readonly json: boolean;
}

type AskedOf = Asked & { /** Name or id. */ readonly pop: string };

/** `hub pops list`: offline, stuck and late ones first. */
export async function popsList({ hub, json }: Asked, terminal: Terminal): Promise<number> {
  const { pops } = await hub.pops();
  terminal.out(json ? JSON.stringify({ pops }, null, 2) : popsText(pops, systemClock.now(), terminal.paint));
  return exitCodes.ok;
}

/** `hub pops show NAME`: all that the hub knows of it. */
export async function popsShow({ hub, json, pop }: AskedOf, terminal: Terminal): Promise<number> {
  const shown = await hub.pop(pop);
  terminal.out(json ? JSON.stringify(shown, null, 2) : popDetail(shown, systemClock.now(), terminal.paint));
  return exitCodes.ok;
}

/** `hub pops label NAME key=value key-` */
export async function popsLabel(
  { hub, json, pop, words }: AskedOf & { readonly words: readonly string[] },
  terminal: Terminal,
): Promise<number> {
  if (words.length === 0) throw new WaystationError('bad_request', 'name a label: KEY=VALUE, or KEY- to remove it');
  const changes = parseLabelChanges(words);
  const { name, id, labels } = await hub.labelPop(pop, changes);
  terminal.out(
    json ? JSON.stringify({ id, name, labels }, null, 2) : plainText(`${name} ${labelsText(labels)}`.trim()),
  );
  return exitCodes.ok;
}

/** `hub pops rename NAME NEW` */
export async function popsRename(
  { hub, json, pop, name }: AskedOf & { readonly name: string },
  terminal: Terminal,
): Promise<number> {
  const { id } = await hub.renamePop(pop, name);
  terminal.out(json ? JSON.stringify({ id, name }, null, 2) : plainText(`${pop} is called ${name}`));
  return exitCodes.ok;
}

/** `hub pops revoke NAME` */
export async function popsRevoke(
  { hub, json, pop, why }: AskedOf & { readonly why: string | null },
  terminal: Terminal,
): Promise<number> {
  const { id, name, revoked } = await hub.revokePop(pop, why);
  const text = `${name} is revoked: only a new token lets it in again`;
  terminal.out(json ? JSON.stringify({ id, name, revoked }, null, 2) : plainText(text));
  return exitCodes.ok;
}
