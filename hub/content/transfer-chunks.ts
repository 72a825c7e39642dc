import type { Transfer } from '../../base/transfer.ts';

/**
 * The chunks of a transfer, one after the other: the next is taken from the connection when the one before was used.
 * Who stops taking them gives the connection up.
 */
export async function* transferChunks(transfer: Transfer): AsyncGenerator<Buffer> {
  const left = new Error('nobody takes the rest');
  let wanted = Promise.withResolvers<Buffer | null>();
  let taken = Promise.withResolvers<void>();
  let gone = false;
  const consuming = transfer
    .consume((chunk) => {
      if (gone) throw left;
      wanted.resolve(chunk);
      return taken.promise;
    })
    .then(
      () => wanted.resolve(null),
      (error: unknown) => wanted.reject(error),
    );
  try {
    for (;;) {
      const chunk = await wanted.promise;
      if (chunk === null) return;
      yield chunk;
      const used = taken;
      wanted = Promise.withResolvers();
      taken = Promise.withResolvers();
      used.resolve();
    }
  } finally {
    gone = true;
    // Nobody may be left to hear of it.
    wanted.promise.catch(() => {});
    taken.reject(left);
    taken.promise.catch(() => {});
    void consuming;
  }
}
