import type { Clock } from '../../base/clock.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { ScrubStatus } from '../../base/status.ts';
import type { Space } from '../space/space.ts';
import type { Notes } from '../notes.ts';
import type { Audit, Finding } from './audit.ts';
import { placeOf } from './blob-walk.ts';
import type { BlobName } from './blob-walk.ts';
import type { Damage, Repair } from './repair.ts';
import { nothingScrubbed, readScrubNote, writeScrubNote } from './scrub-note.ts';
import type { ScrubNote } from './scrub-note.ts';
import { ScrubPace } from './scrub-pace.ts';
import type { PassState, ScrubBudget } from './scrub-pace.ts';

/** The first file is looked at this much later than the service begins: a start has better things to read. */
const startDelay = 180_000;
/** A disk that is not well is left alone, and looked at again this much later. */
const pause = 60_000;
/** How much of a pass a power cut may repeat. */
const noteEvery = 30_000;
/** No pass, or the next one in more than this: looked at again, the wall clock may jump. */
const longestWait = 3_600_000;

export interface ScrubOptions {
  /** null: never. */
  readonly budget: ScrubBudget | null;
  readonly audit: Audit;
  readonly repair: Repair;
  readonly space: Space;
  readonly notes: Notes;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Reads everything that is held over and over, slowly, and has replaced what the disk has spoiled. It goes round in the
 * order of the names, so the next file is always the one whose last look is the oldest; what came since was proven when
 * it came.
 */
export class Scrub {
  readonly #options: ScrubOptions;
  readonly #pace: ScrubPace | null;
  readonly #ending = new AbortController();
  #state: ScrubStatus['state'];
  #note: ScrubNote = nothingScrubbed;
  #noted = -Infinity;
  #work: Promise<void> | null = null;
  /** Found, and not repaired yet. */
  #damages: Damage[] = [];
  #repairing: Promise<void> = Promise.resolve();

  /** Knows how far an earlier process came. Reads nothing yet. */
  static async open(options: ScrubOptions): Promise<Scrub> {
    return new Scrub(options, await readScrubNote(options.notes));
  }

  private constructor(options: ScrubOptions, note: ScrubNote) {
    this.#options = options;
    this.#pace = options.budget === null ? null : new ScrubPace(options.budget, options.clock);
    this.#state = options.budget === null ? 'off' : 'waiting';
    this.#note = note;
  }

  begin(): void {
    const { budget, log } = this.#options;
    if (budget === null || this.#pace === null || this.#work !== null) return;
    this.#work = this.#goRound(budget, this.#pace).catch((thrown: unknown) => {
      if (this.#ending.signal.aborted) return;
      this.#state = 'paused';
      log.error({ err: asWaystationError(thrown) }, 'the scrub broke; it goes on after the next start');
    });
  }

  status(): ScrubStatus {
    const { began, lastPass, files, bytes, damaged, missing, earlier } = this.#note;
    const time = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
    return {
      state: this.#state,
      passBegan: time(began),
      files,
      bytes: { done: bytes, total: Math.max(bytes, this.#options.space.used) },
      lastPass: time(lastPass),
      damaged: damaged + earlier.damaged,
      missing: missing + earlier.missing,
    };
  }

  /** Ends it where it is; the next start goes on from there. Before the store is closed. */
  async close(): Promise<void> {
    this.#ending.abort(new WaystationError('cancelled', 'the service is stopping'));
    if (this.#work === null) return;
    await this.#work;
    await this.#repairing;
    await writeScrubNote(this.#options.notes, this.#note);
  }

  async #goRound(budget: ScrubBudget, pace: ScrubPace): Promise<never> {
    const { clock } = this.#options;
    const { signal } = this.#ending;
    await clock.sleep(startDelay, signal);
    // By now the notes are open, however long that took.
    this.#note = await readScrubNote(this.#options.notes);
    for (;;) {
      if (this.#note.whole) await this.#untilDue(budget);
      await this.#pass(pace);
    }
  }

  /** Until it is time for a new pass, which it begins. */
  async #untilDue({ every }: ScrubBudget): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      const { began, lastPass, damaged, missing } = this.#note;
      const now = clock.now();
      // A pass that is to have begun in the future: the clock was set back, and must not put the next off for ever.
      const wait = began === null || began > now ? 0 : began + every - now;
      if (wait <= 0) {
        this.#note = { ...nothingScrubbed, began: now, lastPass, whole: false, earlier: { damaged, missing } };
        return;
      }
      this.#state = 'waiting';
      await clock.sleep(Math.min(wait, longestWait), this.#ending.signal);
    }
  }

  async #pass(pace: ScrubPace): Promise<void> {
    const { audit, clock, log } = this.#options;
    const { signal } = this.#ending;
    const state = (): PassState => ({
      began: Math.min(this.#note.began ?? clock.now(), clock.now()),
      done: this.#note.bytes,
      total: this.#options.space.used,
    });
    for await (const blob of audit.walk(this.#note.cursor)) {
      await this.#whileWell();
      const began = clock.monotonic();
      const { size } = blob.listed;
      const damages = await this.#look(blob, pace.reading(size, state(), signal));
      const { files, bytes, damaged } = this.#note;
      const counts = { files: files + 1, bytes: bytes + size, damaged: damaged + damages };
      this.#note = { ...this.#note, cursor: placeOf(blob), ...counts };
      await this.#keep();
      await pace.rest(size, clock.monotonic() - began, state, signal);
    }
    const { files, bytes, damaged } = this.#note;
    this.#note = { ...this.#note, cursor: null, whole: true, lastPass: clock.now() };
    log.info({ files, bytes, damaged }, 'everything held was read once more');
    await writeScrubNote(this.#options.notes, this.#note);
  }

  /** @returns how many damaged files that is. */
  async #look(blob: BlobName, onRead: (bytes: number) => Promise<void>): Promise<0 | 1> {
    const { audit, log } = this.#options;
    try {
      const verdict = await audit.check(blob, { signal: this.#ending.signal, onRead });
      if (verdict === 'right' || verdict === 'absent') return 0;
      this.#found(verdict);
      return 1;
    } catch (thrown) {
      this.#ending.signal.throwIfAborted();
      const { code, message } = asWaystationError(thrown);
      log.warn({ blob: placeOf(blob), code, reason: message }, 'a held file cannot be looked at');
      return 0;
    }
  }

  /** Repairs go on beside the reading; what is found meanwhile is one more batch. */
  #found(finding: Finding): void {
    this.#damages.push(finding);
    if (this.#damages.length > 1) return;
    this.#repairing = this.#repairing.then(() => this.#repairAll());
  }

  async #repairAll(): Promise<void> {
    const damages = this.#damages;
    this.#damages = [];
    const { repair, log } = this.#options;
    // Whatever ends it early, the rest is missing: requests and syncs fetch it.
    let untold = damages.length;
    const missing = (count: number): void => {
      this.#note = { ...this.#note, missing: this.#note.missing + count };
    };
    try {
      await repair.repair(damages, this.#ending.signal, ({ healed = false }) => {
        untold -= 1;
        if (!healed) missing(1);
      });
    } catch (thrown) {
      missing(untold);
      if (this.#ending.signal.aborted) return;
      log.error({ err: asWaystationError(thrown) }, 'damaged files could not be repaired');
    }
  }

  async #whileWell(): Promise<void> {
    const { space, clock } = this.#options;
    while (space.state !== 'ok') {
      this.#state = 'paused';
      await clock.sleep(pause, this.#ending.signal);
    }
    this.#state = 'running';
  }

  async #keep(): Promise<void> {
    const now = this.#options.clock.monotonic();
    if (now - this.#noted < noteEvery) return;
    this.#noted = now;
    await writeScrubNote(this.#options.notes, this.#note);
  }
}
