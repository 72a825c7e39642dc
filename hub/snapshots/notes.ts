import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { jsonBytes, readJson } from '../store/json-object.ts';
import { keysOf } from '../store/layout.ts';
import { wholeObject } from '../store/object-store.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** What somebody said of a package of a snapshot. */
const note = z.object({
  /** `name-[epoch:]version-release.arch` */
  nevra: z.string(),
  text: z.string(),
  by: z.string(),
  /** RFC 3339. */
  at: z.iso.datetime(),
});

const notesDocument = z.object({ format: z.literal(1), notes: z.array(note) });

export type Note = z.output<typeof note>;

/** Characters of one note. */
const longest = 10_000;

/** The notes of snapshots, in the order in which they were made. A snapshot never changes; what is said of it grows. */
export class Notes {
  readonly #store: ObjectStore;
  readonly #clock: Clock;

  constructor({ store, clock }: { readonly store: ObjectStore; readonly clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
  }

  async of(snapshot: string): Promise<readonly Note[]> {
    return (await this.#read(snapshot))?.value.notes ?? [];
  }

  /** @throws WaystationError `bad_request` when the text is empty or too long. */
  async add(snapshot: string, said: Omit<Note, 'at'>): Promise<Note> {
    if (said.text.trim() === '' || said.text.length > longest)
      throw new WaystationError('bad_request', `a note has 1 to ${longest} characters`);
    for (;;) {
      const before = await this.#read(snapshot);
      const made = { ...said, at: new Date(this.#clock.now()).toISOString() };
      const bytes = jsonBytes({ format: 1, notes: [...(before?.value.notes ?? []), made] });
      const key = keysOf.notes(snapshot);
      const isStored =
        before === null
          ? await this.#store.putIfAbsent(key, wholeObject(bytes))
          : (await this.#store.putIfMatch(key, bytes, before.version)) !== null;
      if (isStored) return made;
      // Somebody else was faster: theirs stays, too.
    }
  }

  #read(snapshot: string): ReturnType<typeof readJson<typeof notesDocument>> {
    return readJson(this.#store, keysOf.notes(snapshot), notesDocument);
  }
}
