import { LoaderAround } from '../base/transfer.ts';
import type { Loader, Transfer } from '../base/transfer.ts';
import type { ReadProgress } from './progress.ts';

/** Bytes of the smallest file whose arrival is followed: a smaller one is there before anybody looks twice. */
const leastFollowed = 1024 * 1024;

/** The same loader, whose bytes are told as they arrive if the file is large, and if anybody wants to hear it. */
export function tellingArrivals(loader: Loader, size: number, { arrived }: ReadProgress): Loader {
  return size < leastFollowed || arrived === undefined ? loader : new ArrivalLoader(loader, size, arrived);
}

/** Bytes that were told as arrived by a loader of `tellingArrivals`. */
export function arrivedBy(loader: Loader): number {
  return loader instanceof ArrivalLoader ? loader.arrived : 0;
}

/** Tells how far into the file transfers have come: what is sent again, after a cut or a lie, counts once. */
class ArrivalLoader extends LoaderAround {
  arrived = 0;
  readonly #size: number;
  readonly #tell: NonNullable<ReadProgress['arrived']>;

  constructor(inner: Loader, size: number, tell: NonNullable<ReadProgress['arrived']>) {
    super(inner);
    this.#size = size;
    this.#tell = tell;
  }

  override async open(offset: number, signal: AbortSignal): Promise<Transfer> {
    const transfer = await this.inner.open(offset, signal);
    // What an earlier try left need not be moved.
    this.#reached(offset, false);
    return new Followed(transfer, (position) => this.#reached(position, true));
  }

  override lied(transfer: Transfer): void {
    this.inner.lied(transfer instanceof Followed ? transfer.original : transfer);
  }

  #reached(position: number, moved: boolean): void {
    const more = Math.min(position, this.#size) - this.arrived;
    if (more <= 0) return;
    this.arrived += more;
    this.#tell(more, moved);
  }
}

class Followed implements Transfer {
  readonly original: Transfer;
  readonly #reached: (position: number) => void;

  constructor(original: Transfer, reached: (position: number) => void) {
    this.original = original;
    this.#reached = reached;
  }

  get source(): string {
    return this.original.source;
  }

  get total(): number | null {
    return this.original.total;
  }

  get contentType(): string | null {
    return this.original.contentType;
  }

  get etag(): string | null {
    return this.original.etag;
  }

  get lastModified(): string | null {
    return this.original.lastModified;
  }

  get offset(): number {
    return this.original.offset;
  }

  consume(sink: Parameters<Transfer['consume']>[0]): Promise<void> {
    let position = this.original.offset;
    return this.original.consume((chunk) => {
      const { length } = chunk;
      const taken = sink(chunk);
      position += length;
      this.#reached(position);
      return taken;
    });
  }

  cancel(): void {
    this.original.cancel();
  }
}
