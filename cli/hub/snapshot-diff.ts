import type { HubControl } from '../../hub/api/control.ts';
import { repositoriesText } from '../commands/diff-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { noteText } from './snapshot-notes.ts';

/** `hub snapshot diff A B`. Fails when a repository cannot be compared, after what could be. */
export async function diffSnapshots(
  {
    hub,
    from,
    to,
    json,
  }: { readonly hub: HubControl; readonly from: string; readonly to: string; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const found = await hub.diff(from, to);
  if (json) terminal.out(JSON.stringify(found, null, 2));
  else {
    terminal.out(plainText(`from ${found.from.name} (${found.from.created})`));
    terminal.out(plainText(`  to ${found.to.name} (${found.to.created})`));
    for (const line of repositoriesText(found.repositories, terminal.paint)) terminal.out(line);
    for (const note of found.notes) terminal.out(noteText(note, terminal.paint));
  }
  const failed = found.repositories.filter(({ error }) => error !== null);
  for (const { path, error } of failed)
    terminal.err(plainText(`waystation: ${path}: ${error?.code}: ${error?.message}`));
  return failed.length === 0 ? exitCodes.ok : exitCodes.failed;
}
