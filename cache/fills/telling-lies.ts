import type { Logger } from '../../base/log.ts';
import type { Counter } from '../../base/metrics.ts';
import type { Loader } from '../../base/transfer.ts';

/** The same loader; what it is told about lies is counted and logged. */
export function tellingLies(loader: Loader, { lies, log }: { lies: Counter; log: Logger }): Loader {
  return {
    open: (offset, signal) => loader.open(offset, signal),
    lied: (transfer) => {
      lies.inc({});
      log.warn({ source: transfer.source }, 'an upstream sent bytes that are not what metadata lists');
      loader.lied(transfer);
    },
    hurry: () => loader.hurry?.(),
  };
}
