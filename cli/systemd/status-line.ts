import type { RepositoryState } from '../../base/status.ts';

/** What deserves a word besides what is served, worst first. */
const remarkable: readonly RepositoryState[] = ['behind', 'pending', 'guarded', 'orphaned'];

/** The state of a PoP in a line, as `systemctl status` shows it: `serving 3 repositories, 1 behind`. */
export function statusLine(states: readonly RepositoryState[]): string {
  const count = (state: RepositoryState): number => states.filter((each) => each === state).length;
  const served = states.length - count('pending') - count('guarded');
  const remarks = remarkable.filter((state) => count(state) > 0).map((state) => `${count(state)} ${state}`);
  return [`serving ${served} ${served === 1 ? 'repository' : 'repositories'}`, ...remarks].join(', ');
}
