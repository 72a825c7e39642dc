import { imports } from './imports.ts';
import { names } from './names.ts';
import { collecting, eviction } from './removals.ts';
import { scenarios } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';

/** All that power cuts and failing disk calls are tried on. */
export const allScenarios: readonly Scenario[] = [...scenarios, ...names, eviction, collecting, ...imports];
