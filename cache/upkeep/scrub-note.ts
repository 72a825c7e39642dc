import type { Notes } from '../notes.ts';

/** How far the scrub is: what it remembers over a restart. When it is lost, a pass begins anew. */
export interface ScrubNote {
  readonly format: 1;
  /** `placeOf` the blob that was looked at last; null: none of this pass. */
  readonly cursor: string | null;
  /** Wall clock, milliseconds; null: no pass began yet. */
  readonly began: number | null;
  /** Wall clock, milliseconds: when the last whole pass ended. */
  readonly lastPass: number | null;
  /** Whether the pass that began last is whole. */
  readonly whole: boolean;
  readonly files: number;
  readonly bytes: number;
  readonly damaged: number;
  readonly missing: number;
  /** What the pass before found. */
  readonly earlier: { readonly damaged: number; readonly missing: number };
}

const key = 'scrub';

export const nothingScrubbed: ScrubNote = {
  format: 1,
  cursor: null,
  began: null,
  lastPass: null,
  whole: true,
  files: 0,
  bytes: 0,
  damaged: 0,
  missing: 0,
  earlier: { damaged: 0, missing: 0 },
};

export async function readScrubNote(notes: Notes): Promise<ScrubNote> {
  const note = (await notes.get(key)) as ScrubNote | null;
  return note?.format === 1 ? note : nothingScrubbed;
}

export function writeScrubNote(notes: Notes, note: ScrubNote): Promise<void> {
  return notes.put(key, note);
}
