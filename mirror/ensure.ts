import type { Listed } from '../base/digest.ts';
import { asWaystationError } from '../base/errors.ts';
import type { Loader } from '../base/transfer.ts';
import type { Sink } from './sink.ts';

export interface EnsureRequest {
  readonly sink: Sink;
  readonly scope: string;
  readonly listed: Listed;
  readonly loader: Loader;
}

/**
 * Sees to it that a file is held. The sink joins a fill of the same file that another repository began; when that one's
 * sources fail, ours have still to be asked.
 */
export async function ensureByOwn(
  { sink, scope, listed, loader: own }: EnsureRequest,
  signal: AbortSignal,
): Promise<void> {
  let asked = false;
  const loader: Loader = {
    open: (offset, opening) => {
      asked = true;
      return own.open(offset, opening);
    },
    lied: (transfer) => own.lied(transfer),
    turn: async (waiting) => (await own.turn?.(waiting)) ?? false,
    done: () => own.done?.(),
    hurry: () => own.hurry?.(),
  };
  for (;;) {
    try {
      return await sink.ensure(scope, listed, loader, signal);
    } catch (thrown) {
      if (asked || asWaystationError(thrown).source !== 'origin') throw thrown;
    }
  }
}
