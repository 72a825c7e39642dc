import { WaystationError } from '../../base/errors.ts';
import type { Loader, Transfer } from '../../base/transfer.ts';
import type { Gate } from './faulty-origin-gate.ts';

/** How one transfer goes. What is not said goes well. */
export interface Script {
  /** The file as this source has it; a body that is too short or too long ends cleanly all the same. */
  readonly bytes: Buffer;
  /** What the source says is the length of the whole; default: what it has. */
  readonly total?: number | null;
  /** Bytes a chunk, default 64 KiB: a fixed size, or one after the other. */
  readonly chunks?: number | readonly number[];
  /** Breaks off before this position of the file. */
  readonly cutAt?: number;
  /** Stalls before this position until the gate opens. */
  readonly stall?: { readonly at: number; readonly gate: Gate };
  /** Where the body begins; default: where it was asked to. */
  readonly offset?: number;
  readonly contentType?: string;
  readonly etag?: string;
  readonly source?: string;
}

/** One transfer by its script. */
export function scriptedTransfer(script: Script, offset: number, signal: AbortSignal): Transfer {
  const { bytes, source = 'http://origin.example/file' } = script;
  const start = script.offset ?? offset;
  return {
    source,
    offset: start,
    total: script.total === undefined ? bytes.length : script.total,
    contentType: script.contentType ?? null,
    etag: script.etag ?? null,
    lastModified: null,
    cancel: () => {},
    async consume(sink) {
      const end = Math.min(bytes.length, script.cutAt ?? Infinity);
      const lengths = chunkLengths(script.chunks ?? 65_536);
      for (let position = start; position < end;) {
        if (script.stall?.at === position) await passed(script.stall.gate, signal);
        const wall = script.stall !== undefined && script.stall.at > position ? script.stall.at : Infinity;
        const next = Math.min(position + lengths(), end, wall);
        await sink(Buffer.from(bytes.subarray(position, next)));
        signal.throwIfAborted();
        position = next;
      }
      if (script.stall?.at === end) await passed(script.stall.gate, signal);
      if (script.cutAt !== undefined) throw new WaystationError('upstream_cut', `${source} broke off`);
    },
  };
}

function chunkLengths(chunks: number | readonly number[]): () => number {
  const lengths = typeof chunks === 'number' ? [chunks] : chunks;
  let next = 0;
  return () => Math.max(1, lengths[next++ % lengths.length] ?? 65_536);
}

/** Resolves once the gate is open; rejects with the signal's reason. */
export function passed(gate: Gate, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = gate.come(resolve);
    signal?.addEventListener('abort', () => {
      leave();
      reject(signal.reason as Error);
    });
  });
}

/** A loader whose transfers are written down beforehand, the last of them for all that follow if it says so. */
export class ScriptedLoader implements Loader {
  /** The offset of each transfer that was asked for. */
  readonly opened: number[] = [];
  /** The sources that were said to have lied. */
  readonly liars: string[] = [];
  readonly #scripts: (Script | WaystationError)[];
  readonly #again: Script | null;
  readonly #before: Gate | null;

  constructor(scripts: readonly (Script | WaystationError)[], options: { again?: Script; before?: Gate } = {}) {
    this.#scripts = [...scripts];
    this.#again = options.again ?? null;
    this.#before = options.before ?? null;
  }

  async open(offset: number, signal: AbortSignal): Promise<Transfer> {
    signal.throwIfAborted();
    this.opened.push(offset);
    if (this.#before !== null) await passed(this.#before, signal);
    const script = this.#scripts.shift() ?? this.#again;
    if (script === null) throw new WaystationError('upstream_unreachable', 'no source is left');
    if (script instanceof WaystationError) throw script;
    return scriptedTransfer(script, offset, signal);
  }

  lied(transfer: Transfer): void {
    this.liars.push(transfer.source);
  }
}
