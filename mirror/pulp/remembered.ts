import { digestOf, hexOf } from '../../base/digest.ts';
import type { HubNotes } from '../hub-notes.ts';
import type { Carried } from './carried.ts';

/** What a hub said last. */
export interface Remembered {
  readonly contentOrigin: string | null;
  readonly carried: readonly Carried[];
}

interface Note extends Remembered {
  readonly format: 1;
  /** What was asked, of whom: the answer to another question is no answer. */
  readonly question: string;
}

/** The last list of one subscription's hub, in the notes. */
export class Memory {
  readonly #notes: HubNotes;
  readonly #key: string;
  readonly #question: string;

  /** @param question all that decides what the hub's list is. */
  constructor(notes: HubNotes, subscription: string, question: readonly (string | null)[]) {
    this.#notes = notes;
    this.#key = `hub/${subscription}`;
    this.#question = hexOf(digestOf(JSON.stringify(question)));
  }

  /** null when there is nothing to go by. */
  async recall(): Promise<Remembered | null> {
    const note = await this.#notes.get(this.#key);
    if (typeof note !== 'object' || note === null || !('format' in note) || note.format !== 1) return null;
    const known = note as Note;
    return known.question === this.#question ? known : null;
  }

  async keep(remembered: Remembered): Promise<void> {
    const note: Note = { format: 1, question: this.#question, ...remembered };
    await this.#notes.put(this.#key, note);
  }
}
