import { systemClock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { packagesOf } from '../../hub/gates/bundle.ts';
import { bundleOf } from '../../hub/gates/snapshot-bundle.ts';
import { Notes } from '../../hub/snapshots/notes.ts';
import type { Note } from '../../hub/snapshots/notes.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { openHub } from './hub-parts.ts';
import { localUser } from './local-user.ts';

interface Asked {
  readonly config: HubConfig;
  readonly name: string;
  readonly json: boolean;
}

/** `hub snapshot note NAME NEVRA --text …`: a package that the snapshot does not have gets none. */
export async function addNote(
  { config, name, json, nevra, text }: Asked & { readonly nevra: string; readonly text: string },
  terminal: Terminal,
): Promise<number> {
  const { store, snapshots, origins, audit } = await openHub(config);
  const snapshot = await snapshots.need(name);
  const bundle = await bundleOf(snapshot, store, await origins.of(snapshot));
  const packages = await packagesOf(bundle, new AbortController().signal);
  if (!packages.some((one) => one.text === nevra))
    throw new WaystationError('bad_request', `${name} has no package ${nevra}: name-[epoch:]version-release.arch`);
  const who = localUser();
  const made = await new Notes({ store, clock: systemClock }).add(name, { nevra, text, by: who.name });
  await audit.note({ who, what: 'snapshot.note', on: name, to: nevra });
  terminal.out(json ? JSON.stringify(made, null, 2) : noteText(made, terminal.paint));
  return exitCodes.ok;
}

/** `hub snapshot notes NAME` */
export async function listNotes({ config, name, json }: Asked, terminal: Terminal): Promise<number> {
  const { store, snapshots } = await openHub(config);
  await snapshots.need(name);
  const notes = await new Notes({ store, clock: systemClock }).of(name);
  if (json) terminal.out(JSON.stringify({ snapshot: name, notes }, null, 2));
  else if (notes.length === 0) terminal.out('no note yet');
  else for (const note of notes) terminal.out(noteText(note, terminal.paint));
  return exitCodes.ok;
}

/** One line: `note: a-1-1.noarch: known to be slow (alice, 2026-11-30)`. */
export function noteText({ nevra, text, by, at }: Note, paint: Terminal['paint']): string {
  return `${paint('yellow', 'note')}: ${plainText(`${nevra}: ${text}`)} ${paint('dim', plainText(`(${by}, ${at.slice(0, 10)})`))}`;
}
