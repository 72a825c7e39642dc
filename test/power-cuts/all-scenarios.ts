import { names } from './names.ts';
import { collecting, eviction } from './removals.ts';
import { scenarios } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';

/** All that power cuts are tried on. Failing disk calls are tried on those of `scenarios.ts`, and on eviction. */
export const allScenarios: readonly Scenario[] = [...scenarios, ...names, eviction, collecting];
