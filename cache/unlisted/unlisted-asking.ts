import type { Clock } from '../../base/clock.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Answer, Representation, Supplier, Transfer, Validators } from '../../base/transfer.ts';
import type { UnlistedFetch } from './unlisted-fetch.ts';

/** How long an upstream may take to answer; its body has the time that it needs. */
const answerBudget = 9_000;

/** What the upstream said; `unstored`: it sends the file, but that cannot be kept. */
export type Told = 'confirmed' | 'absent' | 'unstored' | UnlistedFetch;

/** One question to the upstream, for all who ask it at the same time. */
export class Asking {
  readonly told: Promise<Told>;
  /** Monotonic milliseconds. */
  readonly began: number;
  #waiting = 0;
  #unstored: Transfer | null = null;

  /** @param ask gives a transfer back to `unstored` when it cannot be kept. */
  constructor(began: number, ask: (unstored: (transfer: Transfer) => void) => Promise<Told>) {
    this.began = began;
    this.told = ask((transfer) => {
      this.#unstored = transfer;
      this.#giveUpUnwanted();
    });
    // Whoever waits sees the failure; it may be that nobody does.
    this.told.catch(() => {});
  }

  join(): void {
    this.#waiting += 1;
  }

  /** A transfer that is not stored belongs to one client: the first who takes it. */
  take(): Transfer | null {
    const transfer = this.#unstored;
    this.#unstored = null;
    return transfer;
  }

  /** Called once by each who joined. */
  leave(): void {
    this.#waiting -= 1;
    this.#giveUpUnwanted();
  }

  #giveUpUnwanted(): void {
    if (this.#waiting === 0) this.take()?.cancel();
  }
}

/**
 * Asks an upstream for a file that no metadata lists.
 * @returns null when it says that there is no such file.
 * @throws WaystationError when it gives no answer in time, or one that cannot be right.
 */
export async function askSupplier(
  wanted: { supplier: Supplier | null; file: string; validators: Validators | null },
  clock: Clock,
): Promise<Answer | null> {
  const { supplier, file, validators } = wanted;
  if (supplier === null) throw new WaystationError('upstream_unreachable', 'no upstream is known for this repository');
  const limit = new AbortController();
  const answered = new AbortController();
  void clock.sleep(answerBudget, answered.signal).then(
    () => limit.abort(new WaystationError('upstream_timeout', `${file}: the upstream does not answer`)),
    () => {},
  );
  try {
    const answer = await supplier.get(file, validators, limit.signal);
    if (answer.kind === 'found' && looksLikePortal(file, answer.transfer)) {
      answer.transfer.cancel();
      throw new WaystationError('upstream_lied', `${answer.transfer.source} answered with an HTML page`);
    }
    return answer;
  } catch (error) {
    const failure = asWaystationError(error);
    if (failure.code !== 'upstream_missing') throw failure;
    return null;
  } finally {
    answered.abort();
  }
}

/** A captive portal answers everything with its page: no yum repository does that for a file that is not HTML. */
function looksLikePortal(file: string, representation: Representation): boolean {
  return /^text\/html\b/i.test(representation.contentType ?? '') && !/\.(?:html?|xhtml)$/i.test(file);
}
