import type { Logger } from '../base/log.ts';

/**
 * Resolves when the process was told to end (SIGTERM, SIGINT) and `stop` has finished: the first signal lets open
 * bodies finish for up to `drain` milliseconds, a second one ends at once.
 */
export function untilTold(
  log: Logger,
  options: { drain: number; stop: (milliseconds: number) => Promise<void> },
): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = (signal: NodeJS.Signals): void => {
      signals += 1;
      const milliseconds = signals === 1 ? options.drain : 0;
      log.info({ signal, milliseconds }, signals === 1 ? 'draining: open answers are finished' : 'ending at once');
      void options.stop(milliseconds).then(resolve);
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  });
}
