import { asWaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { RunFailure } from '../../base/status.ts';
import type { Supplier } from '../../base/transfer.ts';
import type { CacheSink } from '../sink.ts';
import type { Finding } from './audit.ts';
import { placeOf } from './blob-walk.ts';
import { fetchAgain } from './fetch-again.ts';
import type { Reference, References } from './references.ts';

/** Something that should be held and is not, or not right. */
export interface Damage extends Finding {
  /** Who lists it, when that is known already. */
  readonly reference?: Reference;
}

/** The upstream of a repository whose bytes are in this scope; null when there is none now. */
export type SupplierOf = (repository: string, scope: string) => Supplier | null;

/** Fetches again what was damaged or lost, from any repository that lists it. */
export class Repair {
  readonly #references: References;
  readonly #sink: CacheSink;
  readonly #supplierOf: SupplierOf;
  readonly #log: Logger;

  constructor(options: { references: References; sink: CacheSink; supplierOf: SupplierOf; log: Logger }) {
    this.#references = options.references;
    this.#sink = options.sink;
    this.#supplierOf = options.supplierOf;
    this.#log = options.log;
  }

  /**
   * Tries each, and tells what became of it as soon as that is known.
   * @throws the signal's reason.
   */
  async repair(damages: readonly Damage[], signal: AbortSignal, told: (failure: RunFailure) => void): Promise<void> {
    const unknown = damages.filter(({ setAside, reference }) => setAside && reference === undefined);
    const found = await this.#references.find(
      unknown.map(({ blob }) => blob),
      signal,
    );
    const nobodys = unknown.filter(({ blob }) => !found.has(blob)).map(({ blob }) => blob);
    const pointers = await this.#references.pointers(nobodys);
    for (const damage of damages) {
      const references = damage.reference === undefined ? (found.get(damage.blob) ?? []) : [damage.reference];
      const pointer = pointers.get(damage.blob);
      const failure =
        damage.setAside && pointer !== undefined
          ? unlistedFailure(damage, pointer)
          : await this.#one(damage, references, signal);
      const { path, reason, healed = false } = failure;
      this.#log[healed ? 'warn' : 'error'](
        { path, blob: placeOf(damage.blob), reason },
        healed ? 'a damaged file is no harm any more' : 'a damaged file is missing',
      );
      told(failure);
    }
  }

  async #one(damage: Damage, references: readonly Reference[], signal: AbortSignal): Promise<RunFailure> {
    const [first] = references;
    const path = first === undefined ? placeOf(damage.blob) : `${first.repository}/${first.href}`;
    const failure = { path, code: 'blob_damaged' as const, attempts: 0, nextTry: null };
    if (!damage.setAside) return { ...failure, reason: `${damage.reason}; it cannot be moved aside` };
    if (first === undefined) {
      return { ...failure, reason: `${damage.reason}; nothing refers to it`, healed: true };
    }
    let attempts = 0;
    let refusal = 'no upstream can be asked for it now';
    for (const reference of references) {
      const supplier = this.#supplierOf(reference.repository, reference.shared);
      if (supplier === null) continue;
      attempts += 1;
      try {
        await fetchAgain(this.#sink, reference, supplier, signal);
        return { ...failure, attempts, reason: `${damage.reason}; it was fetched again`, healed: true };
      } catch (thrown) {
        signal.throwIfAborted();
        refusal = asWaystationError(thrown).message;
      }
    }
    const later = 'the next request for it, or sync, tries again';
    return { ...failure, attempts, reason: `${damage.reason}; it could not be fetched again: ${refusal}; ${later}` };
  }
}

/** Nothing says what a new copy would have to be: whoever asks for it next has it fetched. */
function unlistedFailure({ reason }: Damage, path: string): RunFailure {
  const told = `${reason}; no metadata lists it: it is fetched again when it is asked for`;
  return { path, code: 'blob_damaged', reason: told, attempts: 0, nextTry: null };
}
