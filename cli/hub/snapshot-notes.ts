import type { HubControl } from '../../hub/api/control.ts';
import type { Note } from '../../hub/snapshots/notes.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';

interface Asked {
  readonly hub: HubControl;
  readonly name: string;
  readonly json: boolean;
}

/** `hub snapshot note NAME NEVRA --text …`: a package that the snapshot does not have gets none. */
export async function addNote(
  { hub, name, json, nevra, text }: Asked & { readonly nevra: string; readonly text: string },
  terminal: Terminal,
): Promise<number> {
  const made = await hub.note({ snapshot: name, nevra, text });
  terminal.out(json ? JSON.stringify(made, null, 2) : noteText(made, terminal.paint));
  return exitCodes.ok;
}

/** `hub snapshot notes NAME` */
export async function listNotes({ hub, name, json }: Asked, terminal: Terminal): Promise<number> {
  const list = await hub.notes(name);
  if (json) terminal.out(JSON.stringify(list, null, 2));
  else if (list.notes.length === 0) terminal.out('no note yet');
  else for (const note of list.notes) terminal.out(noteText(note, terminal.paint));
  return exitCodes.ok;
}

/** One line: `note: a-1-1.noarch: known to be slow (alice, 2026-11-30)`. */
export function noteText({ nevra, text, by, at }: Note, paint: Terminal['paint']): string {
  return `${paint('yellow', 'note')}: ${plainText(`${nevra}: ${text}`)} ${paint('dim', plainText(`(${by}, ${at.slice(0, 10)})`))}`;
}
