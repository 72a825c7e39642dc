import type { Listed } from '../base/digest.ts';
import { asWaystationError } from '../base/errors.ts';
import { LoaderAround } from '../base/transfer.ts';
import type { Loader, Transfer } from '../base/transfer.ts';
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
  const loader = new AskedLoader(own);
  for (;;) {
    try {
      return await sink.ensure(scope, listed, loader, signal);
    } catch (thrown) {
      if (loader.asked || asWaystationError(thrown).source !== 'origin') throw thrown;
    }
  }
}

/** The same loader, which knows whether anybody asked it. */
class AskedLoader extends LoaderAround {
  asked = false;

  override open(offset: number, signal: AbortSignal): Promise<Transfer> {
    this.asked = true;
    return super.open(offset, signal);
  }
}
