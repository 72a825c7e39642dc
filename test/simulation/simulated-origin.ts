import { WaystationError } from '../../base/errors.ts';
import type { Loader, Transfer } from '../../base/transfer.ts';
import { flipped } from '../cache/pieces.ts';
import type { Seeded } from './seeded.ts';
import type { Timeline } from './timeline.ts';

/** How a source is wrong, when it is. */
export const faults = [
  'flips a byte',
  'has another version',
  'ends early',
  'ends late',
  'is a portal',
  'tells a wrong length',
  'ignores the range',
  'cuts',
  'stalls',
  'refuses',
  'hangs',
] as const;
export type Fault = (typeof faults)[number];

/** One place that a file can be had from. */
export interface SimulatedSource {
  readonly name: string;
  /** null: always right. */
  readonly fault: Fault | null;
  /** Share of its transfers that go wrong. */
  readonly share: number;
  /** Milliseconds until it answers, at most; between two chunks, at most. */
  readonly slowness: number;
  /** Whether it tells the length of the whole. */
  readonly tellsLength: boolean;
}

/** Who looks on while bytes come. */
export interface TransferWatch {
  /** A source is asked on behalf of a loader. */
  began(loader: Loader, offset: number): void;
  gave(loader: Loader, chunk: Buffer, position: number): void;
  ended(loader: Loader): void;
  lied(): void;
}

interface Origin {
  readonly bytes: Buffer;
  readonly sources: readonly [SimulatedSource, ...SimulatedSource[]];
  readonly timeline: Timeline;
  readonly random: Seeded;
  readonly watch: TransferWatch;
  readonly note: (text: string) => void;
  /** Asked for no more than the bytes before this position; null: for all to the end. */
  readonly until: number | null;
}

/** Milliseconds: of all tries until a transfer begins; without a byte; transfers of one loader before it gives up. */
const openBudget = 9_000;
const idleBudget = 15_000;
const mostTransfers = 12;

/** The tries of one fill, as the port has it: source after source, liars left out but for one more try if alone. */
export class SimulatedLoader implements Loader {
  readonly #origin: Origin;
  readonly #lies = new Map<SimulatedSource, number>();
  readonly #givers = new WeakMap<Transfer, SimulatedSource>();
  #turn = 0;
  #transfers = 0;

  constructor(origin: Origin) {
    this.#origin = origin;
  }

  async open(offset: number, signal: AbortSignal): Promise<Transfer> {
    const { timeline, random, sources, watch, note } = this.#origin;
    signal.throwIfAborted();
    watch.began(this, offset);
    try {
      this.#transfers += 1;
      if (this.#transfers > mostTransfers) throw new WaystationError('upstream_unreachable', 'too many tries');
      const deadline = timeline.monotonic() + openBudget;
      for (let tries = 0; tries < 2 * sources.length; tries += 1) {
        const source = this.#next();
        if (source === null) break;
        const wrong = source.fault !== null && random.chance(source.share);
        if (wrong && source.fault === 'hangs') {
          await timeline.sleep(Math.min(3_000, deadline - timeline.monotonic()), signal);
          if (timeline.monotonic() >= deadline) throw new WaystationError('upstream_timeout', `${source.name} hangs`);
          continue;
        }
        await timeline.sleep(random.next() * source.slowness, signal);
        if (wrong && source.fault === 'refuses') continue;
        const transfer = this.#transfer(source, wrong ? source.fault : null, offset, signal);
        this.#givers.set(transfer, source);
        note(`${source.name} answers from ${transfer.offset}${wrong ? `, and ${source.fault}` : ''}`);
        return transfer;
      }
      throw new WaystationError('upstream_unreachable', 'no source is left');
    } catch (error) {
      watch.ended(this);
      throw error;
    }
  }

  lied(transfer: Transfer): void {
    const source = this.#givers.get(transfer);
    if (source === undefined) return;
    this.#origin.watch.lied();
    this.#lies.set(source, (this.#lies.get(source) ?? 0) + 1);
  }

  /** The next source in turn that has not lied, or the one that is alone and lied once. */
  #next(): SimulatedSource | null {
    const { sources } = this.#origin;
    const most = sources.length === 1 ? 2 : 1;
    for (let step = 0; step < sources.length; step += 1) {
      const source = sources[this.#turn++ % sources.length];
      if (source !== undefined && (this.#lies.get(source) ?? 0) < most) return source;
    }
    return null;
  }

  #transfer(source: SimulatedSource, fault: Fault | null, asked: number, signal: AbortSignal): Transfer {
    const { timeline, random, bytes: right, watch, note, until } = this.#origin;
    const bytes = bytesOf(right, fault, random);
    const offset = fault === 'ignores the range' ? 0 : asked;
    const length = fault === 'tells a wrong length' ? right.length + random.whole(1, 100) : bytes.length;
    const wall = fault === 'cuts' || fault === 'stalls' ? random.whole(offset, bytes.length) : Infinity;
    const ended = (): void => watch.ended(this);
    const chunk = random.one([16_384, 65_536, 200_000, 700_000]);
    return {
      source: source.name,
      offset,
      total: source.tellsLength ? length : null,
      contentType: null,
      etag: null,
      lastModified: null,
      cancel: ended,
      consume: async (sink) => {
        try {
          const end = Math.min(bytes.length, wall, until ?? Infinity);
          for (let position = offset; position < end;) {
            await timeline.sleep(random.next() * source.slowness, signal);
            const next = Math.min(end, position + random.whole(1, chunk));
            const piece = bytes.subarray(position, next);
            watch.gave(this, piece, position);
            await sink(piece);
            signal.throwIfAborted();
            position = next;
          }
          if (end < wall) return;
          if (fault === 'stalls') await timeline.sleep(idleBudget, signal);
          note(`${source.name} breaks off at ${end}`);
          throw new WaystationError(fault === 'stalls' ? 'upstream_timeout' : 'upstream_cut', 'broke off');
        } finally {
          ended();
        }
      },
    };
  }
}

/** The file as a source has it that goes wrong in this way. */
function bytesOf(right: Buffer, fault: Fault | null, random: Seeded): Buffer {
  const size = right.length;
  if (fault === 'ends early') return right.subarray(0, random.whole(0, Math.max(0, size - 1)));
  if (fault === 'ends late') return Buffer.concat([right, random.bytes(random.whole(1, 70_000))]);
  if (fault === 'is a portal') return random.bytes(700);
  if (fault === 'flips a byte' && size > 0) {
    return flipped(right, random.one([0, size - 1, random.whole(0, size - 1), random.whole(0, size - 1)]));
  }
  if (fault === 'has another version') {
    const other = Buffer.from(right);
    for (let at = random.whole(0, size); at < size; at += 1_000) other[at] = (other[at] ?? 0) ^ 0x55;
    return other;
  }
  return right;
}
