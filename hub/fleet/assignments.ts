import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { assignmentDocument } from '../../protocol/assignment.ts';
import type { AssignmentAnswer, AssignmentDocument } from '../../protocol/assignment.ts';
import { signed, verified } from '../../protocol/signed.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import { keysOf } from '../store/layout.ts';
import { wholeObject } from '../store/object-store.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { wantedOf } from './assignment-rules.ts';
import type { HubState } from './hub-view.ts';
import type { Labels } from './labels.ts';
import { Turns } from './turns.ts';

/** For how long an assignment is believed without hearing of it again. Milliseconds. */
const life = 30 * 24 * 60 * 60_000;

interface Assigned {
  readonly id: string;
  readonly labels: Labels;
}

export interface Answered {
  readonly answer: AssignmentAnswer;
  /** Equal: equal answers. */
  readonly version: string;
}

interface Made extends Answered {
  readonly text: string;
  readonly document: AssignmentDocument;
  /** From what it was made. */
  readonly state: number;
  readonly labels: string;
}

/** What each PoP is to do, signed. The last one of each is in the store; what does not change is signed once. */
export class Assignments {
  readonly #store: ObjectStore;
  readonly #keys: SigningKeys;
  readonly #clock: Clock;
  readonly #made = new Map<string, Made>();
  /** One at a time for each PoP: what was asked for later is never signed before what was asked for earlier. */
  readonly #turns = new Turns();

  constructor(options: { readonly store: ObjectStore; readonly keys: SigningKeys; readonly clock: Clock }) {
    this.#store = options.store;
    this.#keys = options.keys;
    this.#clock = options.clock;
  }

  async of(pop: Assigned, state: HubState): Promise<Answered> {
    const labels = JSON.stringify(pop.labels);
    const made = this.#made.get(pop.id);
    if (made?.state === state.number && made.labels === labels && this.#isYoung(made.document)) return made;
    return this.#turns.take(pop.id, () => this.#make(pop, labels, state));
  }

  async #make(pop: Assigned, labels: string, state: HubState): Promise<Answered> {
    const before = this.#made.get(pop.id);
    if (before !== undefined && before.state > state.number) return before;
    const { text, document } = await this.#signed(pop, state, before);
    const channels = document.channels.flatMap((name) => {
      const found = state.channels.get(name);
      return found === undefined ? [] : [[name, found.text] as const];
    });
    const answer = { assignment: text, channels: Object.fromEntries(channels) };
    const hash = createHash('sha256')
      .update(JSON.stringify([text, channels]))
      .digest('base64url');
    const made = { answer, version: hash.slice(0, 22), text, document, state: state.number, labels };
    this.#made.set(pop.id, made);
    return made;
  }

  /** What is in force, if it says what is wanted and is not half over; else a new one, of the next number. */
  async #signed(
    { id, labels }: Assigned,
    { epoch, keys, rules, channels }: HubState,
    before: Made | undefined,
  ): Promise<{ readonly text: string; readonly document: AssignmentDocument }> {
    const wanted = { audience: id, epoch, ...wantedOf(rules, labels, [...channels.keys()]), keys };
    const isInForce = (document: AssignmentDocument): boolean => this.#isYoung(document) && says(document, wanted);
    if (before !== undefined && isInForce(before.document)) return before;
    const key = keysOf.assignment(id);
    for (;;) {
      const stored = await this.#store.get(key);
      const last = stored === null ? null : await this.#read(stored.bytes.toString());
      if (stored !== null && last?.document && isInForce(last.document))
        return { text: stored.bytes.toString(), document: last.document };
      const now = this.#clock.now();
      const document: AssignmentDocument = {
        format: 1,
        ...wanted,
        channels: [...wanted.channels],
        deny: [...wanted.deny],
        sequence: (last?.sequence ?? 0) + 1,
        issued: new Date(now).toISOString(),
        expires: new Date(now + life).toISOString(),
      };
      const text = await signed('assignment', document, this.#keys.introducer);
      const isPut =
        stored === null
          ? await this.#store.putIfAbsent(key, wholeObject(Buffer.from(text)))
          : (await this.#store.putIfMatch(key, Buffer.from(text), stored.version)) !== null;
      if (isPut) return { text, document };
    }
  }

  #isYoung({ issued, expires }: AssignmentDocument): boolean {
    return this.#clock.now() < (Date.parse(issued) + Date.parse(expires)) / 2;
  }

  /** One that is signed by a key that is not believed any more still says which number is next. */
  async #read(text: string): Promise<{ readonly sequence: number; readonly document: AssignmentDocument | null }> {
    try {
      const keys = this.#keys.published;
      const document = await verified(text, { kind: 'assignment', keys, schema: assignmentDocument });
      return { sequence: document.sequence, document };
    } catch {
      return { sequence: numbered(text), document: null };
    }
  }
}

function says(document: AssignmentDocument, wanted: object): boolean {
  const { format: _format, sequence: _sequence, issued: _issued, expires: _expires, ...said } = document;
  return isDeepStrictEqual(said, wanted);
}

function numbered(text: string): number {
  try {
    const payload: unknown = JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString());
    return z.object({ sequence: z.int().min(1) }).parse(payload).sequence;
  } catch {
    return 0;
  }
}
