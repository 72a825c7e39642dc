import type { Loader } from '../../base/transfer.ts';
import type { SimulatedFile } from './scenario.ts';
import type { ClientResult } from './simulated-client.ts';
import type { TransferWatch } from './simulated-origin.ts';

/** A broken invariant, by its number in docs/testing.md. */
export interface Violation {
  readonly invariant: `I${number}`;
  readonly text: string;
}

/** Bytes that came one after the other: what one try at a file, or at a range of it, consists of. */
interface Row {
  /** Position in the file of its first byte: 0, but for a range that is passed through. */
  readonly start: number;
  readonly bytes: Buffer;
  length: number;
}

/** Follows one file from outside: which bytes ever came, and what clients were given of them. */
export class Witness implements TransferWatch {
  readonly #file: SimulatedFile;
  readonly #rows: Row[] = [];
  readonly #current = new Map<Loader, Row>();
  readonly #live = new Set<Loader>();
  readonly #slices = new Set<Loader>();
  readonly #onDisk: () => Buffer | null;
  readonly #bypassed: () => number;
  readonly #report: (violation: Violation) => void;
  #proven: boolean;
  lies = 0;

  /**
   * @param options.onDisk what lies in the file's part just now.
   * @param options.bypassed how many transfers past the store there were so far.
   */
  constructor(
    file: SimulatedFile,
    options: { onDisk: () => Buffer | null; bypassed: () => number; report: (violation: Violation) => void },
  ) {
    this.#file = file;
    this.#onDisk = options.onDisk;
    this.#bypassed = options.bypassed;
    this.#report = options.report;
    this.#proven = file.listed.size === 0;
  }

  began(loader: Loader, offset: number): void {
    if (this.#live.has(loader)) this.#break('I3', 'a loader was asked for a second transfer beside the first');
    this.#live.add(loader);
    if (this.#live.size > 1 + this.#bypassed()) this.#break('I3', `${this.#live.size} transfers at a time`);
    if (offset > 0 && !this.#current.has(loader)) this.#begin(loader, this.#onDisk()?.subarray(0, offset) ?? null);
  }

  gave(loader: Loader, chunk: Buffer, position: number): void {
    if (position === 0) this.#begin(loader, null);
    const row = this.#current.get(loader);
    if (row === undefined || position > row.length) return this.#break('I7', `a transfer began beyond what was had`);
    chunk.copy(row.bytes, position);
    row.length = position + chunk.length;
    const { bytes } = this.#file;
    if (row.length >= bytes.length && row.bytes.subarray(0, bytes.length).equals(bytes)) this.#proven = true;
  }

  ended(loader: Loader): void {
    this.#live.delete(loader);
  }

  lied(): void {
    this.lies += 1;
  }

  /** Looks on while a range is passed through: beside the file's own transfer, and proving nothing. */
  slice(start: number): TransferWatch {
    const row: Row = { start, bytes: Buffer.alloc(this.#file.listed.size - start + 80_000), length: 0 };
    this.#rows.push(row);
    return {
      began: (loader) => void this.#slices.add(loader),
      gave: (_, chunk, position) => {
        // A source that ignores the range is not listened to.
        if (position - start > row.length) return this.#break('I7', 'a range went on beyond what was had of it');
        if (position < start) return;
        chunk.copy(row.bytes, position - start);
        row.length = position - start + chunk.length;
      },
      ended: (loader) => void this.#slices.delete(loader),
      lied: () => this.lied(),
    };
  }

  /** A client has been given more. */
  received({ plan, received }: ClientResult): void {
    if (plan.start + received === this.#file.listed.size && received > 0 && !this.#proven)
      this.#break('I2', `${plan.name} was given the last byte before the file had come, right and whole`);
  }

  /** What a client holds in the end. */
  judge(result: ClientResult): void {
    const { plan, received } = result;
    const { bytes: right, listed } = this.#file;
    const got = result.bytes.subarray(0, received);
    const end = plan.start + received;
    if (got.equals(right.subarray(plan.start, end))) return;
    if (end === listed.size) this.#break('I1', `${plan.name} holds a file to its end that is wrong`);
    const consistent = this.#rows.some(
      ({ start, bytes, length }) =>
        start <= plan.start && start + length >= end && bytes.subarray(plan.start - start, end - start).equals(got),
    );
    if (!consistent) this.#break('I7', `${plan.name} holds a mixture that no row of transfers ever was`);
  }

  /** Nothing is under way any more. */
  atRest(): void {
    const live = this.#live.size + this.#slices.size;
    if (live > 0) this.#break('I6', `${live} transfers never ended`);
  }

  #begin(loader: Loader, before: Buffer | null): void {
    const row = { start: 0, bytes: Buffer.alloc(this.#file.listed.size + 80_000), length: before?.length ?? 0 };
    before?.copy(row.bytes);
    this.#rows.push(row);
    this.#current.set(loader, row);
  }

  #break(invariant: Violation['invariant'], text: string): void {
    this.#report({ invariant, text: `${this.#file.name} (${this.#file.listed.size} bytes): ${text}` });
  }
}
