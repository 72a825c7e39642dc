import { imports } from './imports.ts';
import { sharedBytes, sharedSyncs } from './names.ts';
import { collecting, eviction } from './removals.ts';
import { fills, publications } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';

/** All that power cuts and failing disk calls are tried on, in groups that are tried beside each other. */
export const scenarioGroups = {
  fills,
  publications,
  'shared-bytes': sharedBytes,
  'shared-syncs': sharedSyncs,
  removals: [eviction, collecting],
  copies: imports(false),
  links: imports(true),
} as const satisfies Readonly<Record<string, readonly Scenario[]>>;

export const allScenarios: readonly Scenario[] = Object.values(scenarioGroups).flat();
