import { Seeded } from '../simulation/seeded.ts';
import { RecordingDisk } from '../support/recording-disk.ts';
import { crashState } from './crash-state.ts';
import { check, checkRest, checkServed, rest, stop } from './invariants.ts';
import type { Say, Violation } from './invariants.ts';
import { Machine, open } from './machine.ts';
import { live } from './power-cuts.ts';
import type { Scenario } from './scenarios.ts';

/** How calls that change the disk fail: the nth alone, or all from the nth on until the disk is well again. */
export interface Failing {
  readonly code: string;
  readonly lasts: boolean;
}

/** What came of the first failing call that broke something. */
export interface FailingReport {
  /** Calls that were tried. */
  readonly calls: number;
  readonly violations: readonly Violation[];
  readonly story: readonly string[];
}

/** Changes that the first start makes, and a few more: an empty directory that cannot be written is refused. */
const firstStart = 26;

/** Runs a scenario once for each of its disk calls, which fails; each time on what a killed process left. */
export async function failEach(scenario: Scenario, failing: Failing): Promise<FailingReport> {
  const whole = new Machine(new Seeded(1));
  await live(whole, scenario.prepare(whole), Infinity, new Seeded(2));
  for (let n = 1; ; n += 1) {
    const violations: Violation[] = [];
    const say: Say = (invariant, text) => void violations.push({ invariant, text });
    // About in the midst of it, always at another place; then so early that most calls are still to come.
    const midst = Math.floor((whole.files.journal.length - firstStart) * new Seeded(n).next());
    let story: readonly string[] | null = null;
    for (const killedAt of [firstStart + midst, firstStart]) {
      story ??= await failNth(scenario, { ...failing, n, killedAt }, say).catch((error: unknown) => {
        say('P4', error instanceof Error ? String(error.stack) : String(error));
        return [];
      });
    }
    if (story === null || violations.length > 0) return { calls: n - 1, violations, story: story ?? [] };
  }
}

/** @returns what happened; null: so many calls are not made. */
async function failNth(
  scenario: Scenario,
  { code, lasts, n, killedAt }: Failing & { readonly n: number; readonly killedAt: number },
  say: Say,
): Promise<readonly string[] | null> {
  const machine = new Machine(new Seeded(1));
  const work = scenario.prepare(machine);
  await live(machine, work, killedAt, new Seeded(2));
  let well = false;
  let failed = 'nothing';
  const disk = new RecordingDisk(machine.files, {
    random: new Seeded(3),
    upstream: machine.upstream,
    fails: ({ call, path }, count) => {
      if (well || count < n || (count > n && !lasts)) return null;
      if (count === n) failed = `${call} ${path}`;
      return code;
    },
  });
  const running = await open(disk, machine.settings);
  await work(running);
  await running.store.recovered;
  await rest(running);
  if (disk.changes < n) {
    await stop(running, say);
    return null;
  }
  for (const told of machine.failures.splice(0)) if (!told.startsWith('disk_')) say('P4', `a caller is told ${told}`);
  await checkServed(running.store, machine, Infinity, say);
  if (running.store.space.reserved !== 0) say('P5', `${running.store.space.reserved} bytes stay reserved`);
  // The disk is well again: all is done as if nothing had been.
  well = true;
  running.clock.advance(10_000);
  await work(running);
  for (const told of machine.failures) say('P4', `a well disk fails: ${told}`);
  await checkServed(running.store, machine, Infinity, say);
  // What could not be removed stays until the next start, and is counted.
  checkRest(machine.files, running, machine, (invariant, text) => invariant === 'P6' || say(invariant, text));
  await stop(running, say);
  // The dearest part: for each call that fails alone, and for some of those that fail with all that follow.
  if (lasts && n % 4 !== 0) return [];
  const left = crashState(machine.files, machine.files.journal.length, new Seeded(n));
  for (const { invariant, text } of await check(machine, left, new Seeded(n)))
    say(invariant, `after a power cut: ${text}`);
  return [`call ${n}, ${failed}, fails with ${code}`, ...left.story()];
}
