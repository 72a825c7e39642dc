/**
 * Runs `work` over `items`, at most `limit` at a time. At the first failure the signal that the others were given
 * aborts, and when all have ended that first failure is thrown.
 */
export async function forEachBounded<Item>(
  items: readonly Item[],
  limit: number,
  signal: AbortSignal,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const waiting = items.values();
  const lane = async (): Promise<void> => {
    for (const item of waiting) {
      both.throwIfAborted();
      await work(item, both);
    }
  };
  const lanes = Array.from({ length: Math.min(limit, items.length) }, () =>
    lane().catch((failure: unknown) => {
      // The first call wins; later failures are consequences.
      if (!stop.signal.aborted) stop.abort(failure);
      throw failure;
    }),
  );
  const ended = await Promise.allSettled(lanes);
  signal.throwIfAborted();
  if (ended.some(({ status }) => status === 'rejected')) throw stop.signal.reason;
}
