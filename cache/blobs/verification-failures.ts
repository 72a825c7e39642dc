import type { Counter, Meter } from '../../base/metrics.ts';

/** `waystation_verification_failures_total` (contract): bytes that are not what metadata lists, wherever they were met. */
export function verificationFailures(meter: Meter): Counter {
  return meter.counter(
    'verification_failures_total',
    'Files whose bytes were not what metadata lists: on their way here, or held',
  );
}
