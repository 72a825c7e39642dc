import { appendFileSync } from 'node:fs';
import type { Reporter, TestModule, TestCase } from 'vitest/node';

/** How many tests of a run ended how. */
interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Prints what was skipped and why, then the totals. Appends them as a line to the file that WAYSTATION_TEST_TOTALS
 * names, so that `.ci/run` can add up the suites.
 */
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    for (const [suite, count] of skippedSuites(tests)) console.log(`skipped: ${suite} (${count} tests)`);
    const { passed, failed, skipped } = totals(modules, tests, unhandledErrors);
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    const file = process.env['WAYSTATION_TEST_TOTALS'];
    if (file) appendFileSync(file, `${passed} ${failed} ${skipped}\n`);
  }
}

/** A file that does not load, or an error outside every test, counts as one failure: it has no test to show it. */
function totals(
  modules: readonly TestModule[],
  tests: readonly TestCase[],
  unhandledErrors: readonly unknown[],
): Totals {
  const count = (state: string): number => tests.filter((test) => test.result().state === state).length;
  const broken = modules.filter((module) => module.errors().length > 0).length;
  return {
    passed: count('passed'),
    failed: count('failed') + count('pending') + broken + unhandledErrors.length,
    skipped: count('skipped'),
  };
}

function skippedSuites(tests: readonly TestCase[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const test of tests) {
    if (test.result().state !== 'skipped') continue;
    const name = `${test.module.relativeModuleId}: ${test.parent.type === 'suite' ? test.parent.fullName : test.name}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
