import type { RunStatus } from '../base/status.ts';
import type { MemberNote } from './member.ts';
import type { Notes } from './store.ts';

/** What a subscription remembers over a restart, where it can: times for people, marks for cheap questions. */
export interface SubscriptionNote {
  readonly format: 1;
  /** Wall clock, milliseconds; null: never. */
  readonly checked: number | null;
  readonly lastContact: number | null;
  readonly members: Readonly<Record<string, MemberNote>>;
  /** The last runs, newest first. */
  readonly runs: readonly RunStatus[];
}

const nothing: SubscriptionNote = { format: 1, checked: null, lastContact: null, members: {}, runs: [] };

export async function readNote(notes: Notes, subscription: string): Promise<SubscriptionNote> {
  const value = await notes.get(key(subscription));
  // Only this version's own note is understood; any other is as good as lost.
  const known = typeof value === 'object' && value !== null && 'format' in value && value.format === 1;
  return known ? (value as SubscriptionNote) : nothing;
}

export async function writeNote(notes: Notes, subscription: string, note: SubscriptionNote): Promise<void> {
  await notes.put(key(subscription), note);
}

function key(subscription: string): string {
  return `subscription/${subscription}`;
}
