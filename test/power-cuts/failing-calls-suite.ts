import { describe, expect, test } from 'vitest';
import { scenarioGroups } from './all-scenarios.ts';
import { failEach } from './failing-calls.ts';
import type { Failing } from './failing-calls.ts';

/**
 * Tests a group of scenarios, each on what a killed process left: a start with recovery, then the scenario, then the same
 * again on a disk that is well, then a power cut and two more starts. The invariants are those of docs/testing.md. A file
 * for each group, so that two are tried at a time.
 */
export function testFailingCalls(group: keyof typeof scenarioGroups): void {
  describe.each([...scenarioGroups[group]])('$name', (scenario) => {
    test.each<Failing>([
      { code: 'EIO', lasts: false },
      { code: 'ENOSPC', lasts: true },
      { code: 'EROFS', lasts: true },
    ])(
      'whichever disk call fails with $code (and all that follow: $lasts), nothing is lost, wrong or miscounted',
      { timeout: 900_000 },
      async (failing) => {
        const { calls, violations, story } = await failEach(scenario, failing);
        expect({ violations, story }).toEqual({ violations: [], story: [] });
        expect(calls).toBeGreaterThan(20);
      },
    );
  });
}
