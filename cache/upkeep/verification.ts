import type { WaystationError } from '../../base/errors.ts';
import { asWaystationError } from '../../base/errors.ts';
import type { RunFailure } from '../../base/status.ts';
import type { Audit } from './audit.ts';
import type { BlobName } from './blob-walk.ts';
import type { Reference } from './references.ts';
import type { References } from './references.ts';
import type { Damage, Repair } from './repair.ts';
import type { Selection } from './selection.ts';
import type { RunPhase } from '../../runs/run-record.ts';
import type { UpkeepRun } from './upkeep-run.ts';
import type { UpkeepWork } from './upkeep-runs.ts';

/** Files that are hashed at a time. */
const lanes = 4;
/** Damaged files are looked up and fetched again so many at a time. */
const batch = 1_000;

/** A file to look at, with who lists it when that is known. */
interface Item {
  readonly blob: BlobName;
  readonly reference?: Reference;
}

/**
 * What `waystation verify` does: hashes what is held of a selection, moves aside what is wrong, says which metadata is
 * lost, and has both fetched again. A package that is not held is nothing wrong.
 */
export class Verification {
  readonly #audit: Audit;
  readonly #references: References;
  readonly #repair: Repair;

  constructor(parts: { audit: Audit; references: References; repair: Repair }) {
    this.#audit = parts.audit;
    this.#references = parts.references;
    this.#repair = parts.repair;
  }

  /** The work of one run of kind `verify`. */
  work(selection: Selection): UpkeepWork {
    return async (run, signal) => {
      const held = run.phase('held files');
      const pass = new Pass({ run, held, audit: this.#audit, repair: this.#repair, signal });
      // Twice the same way: first what there is to do, so that progress has an end.
      await this.#plan(selection, pass);
      await pass.hash(selection.everything ? this.#everything() : this.#listed(selection, () => {}));
      await pass.end();
    };
  }

  async #plan(selection: Selection, pass: Pass): Promise<void> {
    const unlistable = ({ repository, error }: { repository: string; error: WaystationError }): void =>
      pass.unlistable(repository, error);
    for await (const item of this.#listed(selection, unlistable)) await pass.plan(item, !selection.everything);
    if (!selection.everything) return;
    for await (const { blob } of this.#everything()) pass.expect(blob);
  }

  async *#everything(): AsyncGenerator<Item> {
    for await (const blob of this.#audit.walk(null)) yield { blob };
  }

  async *#listed(
    { parts }: Selection,
    unlistable: Parameters<References['files']>[1],
  ): AsyncGenerator<Item & { readonly reference: Reference }> {
    for (const part of parts) {
      for await (const reference of this.#references.files(part, unlistable)) {
        yield { blob: reference.blob, reference };
      }
    }
  }
}

/** One run's way through its files. */
class Pass {
  readonly #run: UpkeepRun;
  readonly #held: RunPhase;
  readonly #audit: Audit;
  readonly #repair: Repair;
  readonly #signal: AbortSignal;
  #damages: Damage[] = [];

  constructor(parts: { run: UpkeepRun; held: RunPhase; audit: Audit; repair: Repair; signal: AbortSignal }) {
    this.#run = parts.run;
    this.#held = parts.held;
    this.#audit = parts.audit;
    this.#repair = parts.repair;
    this.#signal = parts.signal;
  }

  /** @param counted whether it will be hashed as this item. */
  async plan({ blob, reference }: Item & { readonly reference: Reference }, counted: boolean): Promise<void> {
    this.#signal.throwIfAborted();
    // Packages come as they are asked for; what a generation itself names is there, or something is wrong.
    if (!counted && !reference.pinned) return;
    if (await this.#audit.present(blob)) {
      if (counted) this.expect(blob);
    } else if (reference.pinned) {
      await this.#found({ blob, reference, reason: 'it is lost', setAside: true });
    }
  }

  expect({ listed }: BlobName): void {
    this.#signal.throwIfAborted();
    this.#held.expect(1, listed.size);
  }

  unlistable(repository: string, error: WaystationError): void {
    const reason = `${error.message}; its packages were not all looked at; the service makes it again from the metadata`;
    this.#run.failed({ path: repository, code: error.code, reason, attempts: 0, nextTry: null });
  }

  async hash(items: AsyncGenerator<Item>): Promise<void> {
    const lane = async (): Promise<void> => {
      for (;;) {
        this.#signal.throwIfAborted();
        const next = await items.next();
        if (next.done === true) return;
        await this.#one(next.value);
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: lanes }, lane));
    await items.return(undefined);
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
  }

  /** Repairs what is left to repair. */
  async end(): Promise<void> {
    const damages = this.#damages;
    this.#damages = [];
    if (damages.length === 0) return;
    const phase = this.#run.phase('repairs');
    phase.expect(damages.length, 0);
    await this.#repair.repair(damages, this.#signal, (failure: RunFailure) => {
      phase.fileDone();
      this.#run.failed(failure);
    });
  }

  async #one(item: Item): Promise<void> {
    const { blob } = item;
    try {
      const verdict = await this.#audit.check(blob, {
        signal: this.#signal,
        onRead: (bytes) => this.#held.read(bytes),
      });
      if (verdict === 'absent') return;
      this.#held.fileDone();
      if (verdict !== 'right') await this.#found({ ...verdict, ...item });
    } catch (thrown) {
      this.#signal.throwIfAborted();
      this.#held.fileDone();
      const { code, message } = asWaystationError(thrown);
      await this.#found({ ...item, reason: `${code}: ${message}`, setAside: false });
    }
  }

  async #found(damage: Damage): Promise<void> {
    this.#damages.push(damage);
    if (this.#damages.length >= batch) await this.end();
  }
}
