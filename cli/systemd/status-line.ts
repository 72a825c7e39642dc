import type { RepositoryState, RunStatus } from '../../base/status.ts';
import { spanText } from '../../gateway/page/figures.ts';
import { pauseText } from '../../gateway/page/pause-text.ts';
import { runProgress } from '../../runs/run-progress.ts';
import type { EventWatched } from '../event-sources.ts';

/** What deserves a word besides what is served, worst first. */
const remarkable: readonly RepositoryState[] = ['behind', 'pending', 'guarded', 'orphaned'];

/** Runs that have room in a line. */
const mostRuns = 3;

/**
 * The state of a PoP in a line, as `systemctl status` shows it: `serving 3 repositories, 1 behind; corp: packages 45 %, 3
 * min left`.
 */
export function statusLine(states: readonly RepositoryState[], runs: readonly RunStatus[] = []): string {
  const count = (state: RepositoryState): number => states.filter((each) => each === state).length;
  const served = states.length - count('pending') - count('guarded');
  const remarks = remarkable.filter((state) => count(state) > 0).map((state) => `${count(state)} ${state}`);
  const serving = [`serving ${served} ${served === 1 ? 'repository' : 'repositories'}`, ...remarks].join(', ');
  const more = runs.length > mostRuns ? [`${runs.length - mostRuns} more runs`] : [];
  return [serving, ...runs.slice(0, mostRuns).map(runText), ...more].join('; ');
}

/** The same of the parts of a service, as they are now. */
export function partsLine({ repositories, runs }: Pick<EventWatched, 'repositories' | 'runs'>): string {
  return statusLine(
    repositories().map(({ state }) => state),
    runs().map((run) => run.status()),
  );
}

function runText(run: RunStatus): string {
  const { subscription, kind, secondsLeft, paused, state } = run;
  const { phase, percent } = runProgress(run);
  const left =
    paused !== undefined
      ? `, ${pauseText(paused)}`
      : secondsLeft === null
        ? ''
        : `, ${spanText(secondsLeft * 1000)} left`;
  return `${subscription ?? kind}: ${phase ?? state}${percent === null ? '' : ` ${percent} %`}${left}`;
}
