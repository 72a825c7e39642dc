import type { PauseStatus } from '../../base/status.ts';

/** `waits until 2026-11-23T19:00:00.000Z`: background work, by `limits`. */
export function pauseText({ until }: PauseStatus): string {
  return until === null ? 'waits for good, as limits say' : `waits until ${until}`;
}
