import type { RunStatus } from '../base/status.ts';
import { interruptedRuns, notedRuns, noteUnderWay } from '../runs/interrupted.ts';
import type { MemberNote } from './member.ts';
import type { Notes } from './store.ts';

/** What a subscription remembers over a restart, where it can: times for people, marks for cheap questions. */
export interface SubscriptionNote {
  readonly format: 1;
  /** Wall clock, milliseconds; null: never. */
  readonly checked: number | null;
  readonly lastContact: number | null;
  /** Of the last run after which nothing was wrong; one of an earlier version says nothing of it. */
  readonly succeeded?: number | null;
  readonly members: Readonly<Record<string, MemberNote>>;
  /** The last runs, newest first. */
  readonly runs: readonly RunStatus[];
}

const nothing: SubscriptionNote = { format: 1, checked: null, lastContact: null, members: {}, runs: [] };

/** Also the runs that an earlier process could not end are among `runs`, as ended. */
export async function readNote(notes: Notes, subscription: string): Promise<SubscriptionNote> {
  const value = await notes.get(key(subscription));
  // Only this version's own note is understood; any other is as good as lost.
  const known = typeof value === 'object' && value !== null && 'format' in value && value.format === 1;
  const note = known ? (value as SubscriptionNote) : nothing;
  const ended = notedRuns(note.runs);
  return { ...note, runs: [...(await interruptedRuns(notes, underWayKey(subscription), ended)), ...ended] };
}

/** Writes down what is under way or waits: a process that follows a kill says that it was interrupted. */
export function noteRuns(notes: Notes, subscription: string, now: number, runs: readonly RunStatus[]): Promise<void> {
  return noteUnderWay(notes, underWayKey(subscription), now, runs);
}

export async function writeNote(notes: Notes, subscription: string, note: SubscriptionNote): Promise<void> {
  await notes.put(key(subscription), note);
}

function underWayKey(subscription: string): string {
  return `subscription/${subscription}/under-way`;
}

function key(subscription: string): string {
  return `subscription/${subscription}`;
}
