import type { Digest } from './digest.ts';
import type { PlainRequest } from './plain-get.ts';

/**
 * Bytes from upstream, as ports. The cache is given these and has no idea of the network; `origin/` implements them.
 */

/**
 * For whom bytes come. `client`: somebody waits for them, or they are small and tell whether there is news. `metadata`:
 * records of a repository. `background`: what nobody waits for, such as the packages of a sync and repairs.
 */
export type Purpose = 'client' | 'metadata' | 'background';

/** Who comes first. */
export const fromFirst: readonly Purpose[] = ['client', 'metadata', 'background'];

/** What an origin said about the bytes that it sends. */
export interface Representation {
  /** The URL that answers, without user info and query: for logs and errors. */
  readonly source: string;
  /** Length of the whole file in bytes, null when the origin does not say. */
  readonly total: number | null;
  readonly contentType: string | null;
  readonly etag: string | null;
  readonly lastModified: string | null;
}

/** One body on its way. Exactly one of `consume` and `cancel` is called, once. */
export interface Transfer extends Representation {
  /** Position in the file of the first byte that will come. */
  readonly offset: number;
  /**
   * Hands each chunk to `sink` in order. A chunk may be kept. While a promise returned by `sink` is pending, the
   * origin is not read. Resolves when the body ended as its framing promised; rejects with `upstream_cut` or
   * `upstream_timeout` when it did not, with the sink's own error when that throws, and with the signal's reason.
   */
  consume(sink: (chunk: Buffer) => void | Promise<void>): Promise<void>;
  /** Gives the connection up. */
  cancel(): void;
}

/** The tries that one fill has: over sources and repetitions, with their budgets. Not shared between fills. */
export interface Loader {
  /**
   * Begins a transfer at `offset` (only ever 0, or a position reached before). Waits out short retries inside its
   * budget (≤ 9 s until the first byte of the first try).
   * @throws WaystationError when no source can give it now: the last source's error.
   */
  open(offset: number, signal: AbortSignal): Promise<Transfer>;
  /** The bytes of this transfer had the wrong digest or length: its source is not asked again, or once more if alone. */
  lied(transfer: Transfer): void;
  /**
   * Resolves when it is this file's turn to be transferred, by its purpose; the turn stays until a transfer ends or
   * `done`. Asked before anything is reserved for the file; `open` waits for it if nobody did.
   * @returns whether it waited (mostly not, and then nothing needs to be awaited): somebody else may have had the file fetched meanwhile.
   * @throws WaystationError when there is nobody to ask; the signal's reason.
   */
  turn?(signal: AbortSignal): boolean | Promise<boolean>;
  /**
   * The file by one plain GET, when it is its turn, and nothing but that is needed: no secret, no proxy, no choice between
   * sources, no limit. Whatever comes of it, `open` may be asked afterwards. null, as mostly before: more is needed.
   */
  plain?(): PlainRequest | null;
  /** The file is held, or given up: nobody will open another transfer by this loader. Told by who opened one. */
  done?(): void;
  /** A client waits for the file now, whatever it was asked for. */
  hurry?(): void;
  /**
   * The bytes are in a file, or will not come: what is left is the disk's work, which needs no memory of ours. Told to
   * who asked a sink for a file that was not held yet; may be told again.
   */
  received?(): void;
}

/** A loader around another one, which does all that it does not do itself. */
export class LoaderAround implements Loader {
  protected readonly inner: Loader;

  constructor(inner: Loader) {
    this.inner = inner;
  }

  open(offset: number, signal: AbortSignal): Promise<Transfer> {
    return this.inner.open(offset, signal);
  }

  lied(transfer: Transfer): void {
    this.inner.lied(transfer);
  }

  turn(signal: AbortSignal): boolean | Promise<boolean> {
    return this.inner.turn?.(signal) ?? false;
  }

  plain(): PlainRequest | null {
    return this.inner.plain?.() ?? null;
  }

  done(): void {
    this.inner.done?.();
  }

  hurry(): void {
    this.inner.hurry?.();
  }

  received(): void {
    this.inner.received?.();
  }
}

export interface Validators {
  readonly etag: string | null;
  readonly lastModified: string | null;
}

export type Answer = { readonly kind: 'not-modified' } | { readonly kind: 'found'; readonly transfer: Transfer };

/** One part of a listed file, for a client that cannot wait until the fill gets there. */
export interface Slice {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Length of the whole file as metadata lists it, in bytes. */
  readonly total: number;
}

/** What a repository's upstream can do: one a repository, over all of its URLs. */
export interface Supplier {
  /**
   * The tries for one listed file; `href` is relative to the repository, decoded (raw), as metadata has it. Default
   * purpose: `client`. `digest` is the listed one: who gives files by digest has none without it, others ignore it.
   */
  loader(href: string, purpose?: Purpose, digest?: Digest): Loader;
  /**
   * The tries for one slice of a listed file: `open` asks for the bytes from its offset (`start`, or what was reached
   * since) to `end` in a single Range. Only a 206 that gives exactly those, of a file of that length, is a transfer.
   */
  slice(href: string, slice: Slice, digest?: Digest): Loader;
  /**
   * GETs an unlisted file or a repomd.xml from the first source that answers.
   * @throws WaystationError `upstream_missing` when every source that answered says 404 or 410.
   */
  get(href: string, validators: Validators | null, signal: AbortSignal): Promise<Answer>;
  /** False while no source can be reached (breaker open or last contact failed). Never decides what is served. */
  readonly up: boolean;
}

/** A file whose size nothing lists, as its upstream states it, with the transfer that told. */
export interface Sized {
  /** Bytes, as far as is claimed: the digest proves them. null: the upstream does not say. */
  readonly size: number | null;
  /** The tries for the file: who opens the first one gets the transfer that is open already. */
  readonly loader: Loader;
  /** Gives the open transfer up, unless somebody has it. */
  cancel(): void;
}

/**
 * Opens a file at its upstream to hear its size.
 * @param until ends the transfer, whoever has it.
 * @throws WaystationError as `loader.open` does.
 */
export async function openSized(loader: Loader, until: AbortSignal | null = null): Promise<Sized> {
  const ending = new AbortController();
  const ends = until === null ? ending.signal : AbortSignal.any([until, ending.signal]);
  let waiting: Transfer | null = await loader.open(0, ends);
  const { total: size } = waiting;
  const open = (offset: number, signal: AbortSignal): Promise<Transfer> => {
    if (offset !== 0 || waiting === null) return loader.open(offset, signal);
    signal.throwIfAborted();
    const transfer = waiting;
    waiting = null;
    signal.addEventListener('abort', () => ending.abort(signal.reason), { once: true });
    return Promise.resolve(transfer);
  };
  const cancel = (): void => {
    if (waiting === null) return;
    waiting.cancel();
    waiting = null;
    loader.done?.();
  };
  const shared: Loader = {
    open,
    lied: (transfer) => loader.lied(transfer),
    turn: async (signal) => (await loader.turn?.(signal)) ?? false,
    done: () => loader.done?.(),
    hurry: () => loader.hurry?.(),
    received: () => loader.received?.(),
  };
  return { size, loader: shared, cancel };
}
