import { simulate } from './simulation.ts';
import type { Report } from './simulation.ts';

/** The same world with as few of its clients and syncs as still break something; the report itself if all are needed. */
export async function shortest(report: Report): Promise<Report> {
  for (let actors = 1; actors < report.actors; actors += 1) {
    const fewer = await simulate(report.seed, actors);
    if (fewer.violations.length > 0) return fewer;
  }
  return report;
}

/** What a person needs to see of a broken world. */
export function explained({ seed, violations, trace }: Report): string {
  const broken = violations.map(({ invariant, text }) => `${invariant}: ${text}`);
  return [`seed ${seed} breaks`, ...broken, 'what happened (milliseconds):', ...trace].join('\n');
}
