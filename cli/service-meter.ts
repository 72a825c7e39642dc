import { outcomes } from '../base/outcome.ts';
import { plainFailures } from '../base/plain-get.ts';
import { fromFirst } from '../base/transfer.ts';
import { prometheus } from './prometheus.ts';
import type { Prometheus } from './prometheus.ts';

/** The metrics of a PoP, with every value that a label can have from the start. */
export function serviceMeter(): Prometheus {
  return prometheus({
    closedLabels: {
      result: ['stored', 'lied', 'cut', 'refused', 'bypassed', 'abandoned'],
      state: ['ok', 'full', 'read-only', 'failing'],
      outcome: outcomes,
      purpose: fromFirst,
      end: ['put', ...plainFailures],
    },
    processMetrics: true,
  });
}
