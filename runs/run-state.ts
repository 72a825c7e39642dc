import { invariant } from '../base/errors.ts';
import type { RunState } from '../base/status.ts';

/**
 * From which state a run may go to which: every pair is in it. `planned`: asked for and not begun; `publishing`: all of
 * it is proven, and a generation is being made current, which only the end of the service calls off; the last three
 * are ends.
 */
export const mayFollow = {
  planned: { planned: false, running: true, publishing: false, done: false, failed: false, cancelled: true },
  running: { planned: false, running: false, publishing: true, done: true, failed: true, cancelled: true },
  publishing: { planned: false, running: false, publishing: false, done: true, failed: true, cancelled: true },
  done: { planned: false, running: false, publishing: false, done: false, failed: false, cancelled: false },
  failed: { planned: false, running: false, publishing: false, done: false, failed: false, cancelled: false },
  cancelled: { planned: false, running: false, publishing: false, done: false, failed: false, cancelled: false },
} as const satisfies Record<RunState, Record<RunState, boolean>>;

type Table = typeof mayFollow;

/** The states that nothing follows: how a run can end. */
export type EndState = {
  [State in RunState]: true extends Table[State][RunState] ? never : State;
}[RunState];

/** Whether people may call a run off in this state. */
export const mayBeCancelled = {
  planned: true,
  running: true,
  publishing: false,
  done: false,
  failed: false,
  cancelled: false,
} as const satisfies { [State in RunState]: Table[State]['cancelled'] extends true ? boolean : false };

/** @returns `to`, when a run may go there. */
export function moved<To extends RunState>(from: RunState, to: To): To {
  invariant(mayFollow[from][to], `a run that is ${from} cannot become ${to}`);
  return to;
}
