import { describe, expect, test } from 'vitest';
import { failEach } from '../power-cuts/failing-calls.ts';
import type { Failing } from '../power-cuts/failing-calls.ts';
import { allScenarios } from '../power-cuts/all-scenarios.ts';

// Each on what a killed process left: a start with recovery, then the scenario, then the same again on a disk that is
// well, then a power cut and two more starts. The invariants are those of docs/testing.md.
describe.each(allScenarios)('$name', (scenario) => {
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
