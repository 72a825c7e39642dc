import type { Loader, Transfer } from '../base/transfer.ts';

/** The same loader, which also tells when a transfer has ended, well or not: what is left then is the disk's work. */
export function telling(loader: Loader, ended: () => void): Loader {
  const originals = new WeakMap<Transfer, Transfer>();
  return {
    open: async (offset, signal) => {
      const transfer = await loader.open(offset, signal);
      const { source, total, contentType, etag, lastModified } = transfer;
      const told: Transfer = {
        source,
        total,
        contentType,
        etag,
        lastModified,
        offset: transfer.offset,
        consume: (sink) => transfer.consume(sink).finally(ended),
        cancel: () => {
          transfer.cancel();
          ended();
        },
      };
      originals.set(told, transfer);
      return told;
    },
    lied: (transfer) => loader.lied(originals.get(transfer) ?? transfer),
    turn: async (signal) => (await loader.turn?.(signal)) ?? false,
    done: () => loader.done?.(),
    hurry: () => loader.hurry?.(),
  };
}
