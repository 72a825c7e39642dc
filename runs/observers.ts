import type { RunObserver } from './run-record.ts';

/** One that tells several, in this order. */
export function observers(...all: readonly RunObserver[]): RunObserver {
  return {
    begun: (run) => all.forEach((one) => one.begun(run)),
    failed: (run, failure) => all.forEach((one) => one.failed(run, failure)),
    ended: (run) => all.forEach((one) => one.ended(run)),
  };
}
