import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { Followable } from './followable.ts';

/** What one client has to wait for an upstream that sends nothing (contract: a cold object's error in ≤ 10 s) … */
const silentBudget = 9_500;
/** … and for one that sends, but not yet what this client may have: dnf gives up after 30 s without any byte. */
const slowBudget = 2.5 * silentBudget;

/**
 * Waits for the byte at `start` to be given out.
 * @param begun monotonic milliseconds: when this client began to wait.
 * @throws WaystationError `upstream_timeout`, or why the fill failed.
 */
export async function firstByte(fill: Followable, start: number, clock: Clock, begun: number): Promise<void> {
  const { growing } = fill;
  while (growing.released <= start && !growing.verified) {
    if (growing.failure !== null) throw growing.failure;
    const left = begun + (fill.progress > 0 ? slowBudget : silentBudget) - clock.monotonic();
    if (left <= 0) throw new WaystationError('upstream_timeout', 'the upstream sends nothing');
    const timer = new AbortController();
    // Progress is looked at again at least each second: bytes may come that are not to be released yet.
    await Promise.race([growing.change(), clock.sleep(Math.min(left, 1_000), timer.signal).catch(() => {})]);
    timer.abort();
  }
}

/**
 * Waits for a client's own transfer to be ready, no longer than for a slow fill.
 * @throws WaystationError `upstream_timeout`, or why there will be no byte.
 */
export async function readyInTime(ready: Promise<void>, clock: Clock): Promise<void> {
  const timer = new AbortController();
  const late = clock.sleep(slowBudget, timer.signal).then(() => {
    throw new WaystationError('upstream_timeout', 'the upstream is too slow');
  });
  try {
    await Promise.race([ready, late]);
  } finally {
    late.catch(() => {});
    timer.abort();
  }
}
