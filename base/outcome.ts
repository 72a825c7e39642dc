/** What became of a content request: exactly one word each, in `Cache-Status`, access log and metrics (contract). */
export const outcomes = [
  'hit',
  'stale',
  'miss',
  'collapsed',
  'partial',
  'bypass',
  'unlisted-hit',
  'unlisted-miss',
  'absent',
  'unavailable',
  'denied',
  'invalid',
  'local',
  'aborted',
  'error',
] as const;

export type Outcome = (typeof outcomes)[number];
