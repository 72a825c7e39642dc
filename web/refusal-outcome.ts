import type { Outcome } from '../base/outcome.ts';

/** The outcome word that belongs to a refusal, by its status of 400 or more (contract). */
export function refusalOutcome(status: number): Outcome {
  if (status === 404) return 'absent';
  if (status === 401 || status === 403 || status === 451) return 'denied';
  if (status === 503 || status === 504) return 'unavailable';
  return status < 500 ? 'invalid' : 'error';
}
