import { createHash } from 'node:crypto';
import { Seeded } from '../simulation/seeded.ts';
import { RecordedFiles } from '../support/recorded-files.ts';
import { RecordingDisk } from '../support/recording-disk.ts';
import { crashState } from './crash-state.ts';
import type { CrashState } from './crash-state.ts';
import { check } from './invariants.ts';
import type { Violation } from './invariants.ts';
import { Machine, open, start } from './machine.ts';
import { allScenarios } from './all-scenarios.ts';
import type { Work } from './scenarios.ts';

/** Crash states that are derived from one world. */
export const statesOfWorld = 24;
/** Share of the cuts that come after the last process has stopped cleanly. */
const afterStop = 0.15;

/** What became of a world. */
export interface Report {
  readonly seed: number;
  readonly scenario: string;
  readonly states: number;
  readonly violations: readonly Violation[];
  /** Of the first state that breaks something: how it came about. */
  readonly story: readonly string[];
  /** Of all that was derived: the same for the same seed. */
  readonly fingerprint: string;
}

/** Runs one scenario, with processes that may be killed on the way, and starts the store on states that power cuts leave. */
export async function cutPower(seed: number): Promise<Report> {
  const random = new Seeded(seed);
  const scenario = allScenarios[seed % allScenarios.length] ?? allScenarios[0];
  if (scenario === undefined) throw new Error('there is no scenario');
  const machine = new Machine(random.fork());
  const told = await record(machine, scenario.prepare(machine), random.fork());
  const all = createHash('sha256').update(told.join('\n'));
  for (let state = 1; state <= statesOfWorld; state += 1) {
    const drawn = random.fork();
    const left = crashState(machine.files, cutIn(machine.files.journal.length, drawn), drawn.fork());
    // A state that cannot be started on is told by `check`.
    const again = drawn.chance(0.25) ? await cutWhileStarting(left, drawn.fork()).catch(() => null) : null;
    all.update(withoutChance([...left.story(), ...(again?.story() ?? [])].join('\n')));
    const violations = await check(machine, again ?? left, drawn.fork());
    if (violations.length > 0) {
      const starting = again === null ? [] : ['while the store starts again:', ...again.story()];
      const story = [...told, ...left.story(), ...starting];
      return { seed, scenario: scenario.name, states: state, violations, story, fingerprint: all.digest('hex') };
    }
  }
  const fingerprint = all.digest('hex');
  return { seed, scenario: scenario.name, states: statesOfWorld, violations: [], story: [], fingerprint };
}

/**
 * Any change is as likely to be the last one; but for the power that goes once all is done, when the snapshot of a clean
 * stop lies there, and is believed by the next start.
 */
function cutIn(changes: number, random: Seeded): number {
  return random.chance(afterStop) ? changes : random.whole(0, changes);
}

/** The names of passing parts end in 12 digits that no seed decides, so that no two processes ever meet in one. */
function withoutChance(story: string): string {
  return story.replaceAll(/-[0-9a-f]{12}\b/g, '-…');
}

/** Runs the work to its end: in one process, or in several that are killed but for the last. @returns what happened. */
async function record(machine: Machine, work: Work, random: Seeded): Promise<readonly string[]> {
  const told: string[] = [];
  const kills = random.one([0, 1, 1, 2]);
  for (let process = 0; process <= kills; process += 1) {
    const killedAt = process < kills ? random.whole(1, random.one([40, 150])) : Infinity;
    const before = machine.files.journal.length;
    const ended = await live(machine, work, killedAt, random.fork());
    told.push(`a process ${ended} after changes ${before} to ${machine.files.journal.length}`);
  }
  if (machine.failures.length > 0) throw new Error(`a well disk fails: ${machine.failures.join(', ')}`);
  return told;
}

export async function live(machine: Machine, work: Work, killedAt: number, random: Seeded): Promise<string> {
  const disk = new RecordingDisk(machine.files, { random, killedAt, upstream: machine.upstream });
  const whole = async (): Promise<string> => {
    const running = await open(disk, machine.settings);
    await work(running);
    await running.store.close();
    return 'ended';
  };
  return Promise.race([whole(), disk.killed.then(() => 'was killed')]);
}

/** The power is cut again while the store starts on what the first cut left. */
async function cutWhileStarting({ found, cut }: CrashState, random: Seeded): Promise<CrashState> {
  const files = new RecordedFiles(found);
  const running = await start(files, { random: random.fork() });
  await running.store.recovered;
  const again = crashState(files, random.whole(0, files.journal.length), random.fork());
  await running.store.close();
  return { ...again, cut };
}

/** What a person needs to see of a broken world. */
export function explained({ seed, scenario, states, violations, story }: Report): string {
  const broken = violations.map(({ invariant, text }) => `${invariant}: ${text}`);
  return [`seed ${seed}, state ${states} (${scenario}) breaks`, ...broken, 'what happened:', ...story].join('\n');
}
