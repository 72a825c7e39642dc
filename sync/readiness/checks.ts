import { randomBytes } from 'node:crypto';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { ReadyQuestion } from './question.ts';
import type { ReadyAnswer, Readiness } from './readiness.ts';

/** Answers that are remembered: for who asked to read them, and to have what they name fetched. */
const kept = 8;
/** Questions that may wait for theirs. */
const mostWaiting = 16;

/**
 * Checks that are asked for and answered later: a solver over large repositories takes longer than a request may. One
 * is worked on at a time.
 */
export class ReadinessChecks {
  readonly #readiness: Readiness;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  readonly #answers = new Map<string, Promise<ReadyAnswer>>();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(readiness: Readiness, log: Logger) {
    this.#readiness = readiness;
    this.#log = log;
  }

  /** @returns the name of the answer. @throws WaystationError `draining` when too many wait, or the service stops. */
  begin(question: ReadyQuestion): string {
    const { signal } = this.#closing;
    if (signal.aborted || this.#waiting >= mostWaiting)
      throw new WaystationError('draining', 'too many checks wait for their turn');
    this.#waiting += 1;
    const id = randomBytes(8).toString('hex');
    const answer = this.#last.then(() => this.#readiness.check(question, signal));
    this.#last = answer
      .then(
        ({ report: { ready, missing, denied } }) =>
          this.#log.info(
            { ready, missing: missing.count, bytes: missing.bytes, denied: denied.files },
            'readiness was checked',
          ),
        (thrown: unknown) => {
          const { code, message: reason } = asWaystationError(thrown);
          this.#log.warn({ code, reason }, 'readiness cannot be told');
        },
      )
      .finally(() => (this.#waiting -= 1));
    this.#answers.set(id, answer);
    for (const old of [...this.#answers.keys()].slice(0, -(kept + mostWaiting))) this.#answers.delete(old);
    return id;
  }

  /** @throws WaystationError `not_found`, and what the check threw. */
  answer(id: string): Promise<ReadyAnswer> {
    const answer = this.#answers.get(id);
    if (answer === undefined) throw new WaystationError('not_found', `no check ${id} is remembered`);
    return answer;
  }

  /** Calls off what is under way. */
  async close(): Promise<void> {
    this.#closing.abort(new WaystationError('cancelled', 'the service is stopping'));
    await this.#last;
  }
}
