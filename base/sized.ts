import type { Loader, Transfer } from './transfer.ts';

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
  };
  return { size, loader: shared, cancel };
}
