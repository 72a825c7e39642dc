import type { Outcome } from '../base/outcome.ts';

/**
 * Cache-Status (RFC 9211) for each outcome: `hit` when held bytes answer, `fwd=miss` when the upstream is needed, and
 * neither when the answer has no stored bytes behind it. `detail` has the outcome's word where hit or miss alone do not.
 */
export const cacheStatus: Readonly<Record<Outcome, string>> = {
  hit: 'waystation; hit',
  stale: 'waystation; hit; detail=stale',
  'unlisted-hit': 'waystation; hit; detail=unlisted-hit',
  miss: 'waystation; fwd=miss',
  collapsed: 'waystation; fwd=miss; detail=collapsed',
  partial: 'waystation; fwd=miss; detail=partial',
  bypass: 'waystation; fwd=miss; detail=bypass',
  'unlisted-miss': 'waystation; fwd=miss; detail=unlisted-miss',
  unavailable: 'waystation; fwd=miss; detail=unavailable',
  absent: 'waystation; detail=absent',
  denied: 'waystation; detail=denied',
  invalid: 'waystation; detail=invalid',
  local: 'waystation; detail=local',
  aborted: 'waystation; detail=aborted',
  error: 'waystation; detail=error',
};
