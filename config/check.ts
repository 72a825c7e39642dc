import type { Config } from './config.ts';
import { loadConfig } from './load.ts';
import type { Problem } from './problem.ts';
import { ConfigInvalidError, formatProblem } from './problem.ts';

/** What `waystation config check` found: the configuration, or what is wrong with it, and the lines to print. */
export type CheckReport =
  | { readonly valid: true; readonly config: Config; readonly lines: readonly string[] }
  | { readonly valid: false; readonly problems: readonly Problem[]; readonly lines: readonly string[] };

/** Checks a configuration file without needing any other file. Never throws for what is in the file. */
export function checkConfig(file: string, credentialsDirectory: string | null = null): CheckReport {
  try {
    const config = loadConfig(file, credentialsDirectory);
    return { valid: true, config, lines: [summary(file, config), ...notes(file, config)] };
  } catch (error) {
    if (!(error instanceof ConfigInvalidError)) throw error;
    return { valid: false, problems: error.problems, lines: error.problems.map(formatProblem) };
  }
}

function summary(file: string, { subscriptions }: Config): string {
  const repositories = subscriptions.reduce((sum, subscription) => sum + subscription.repositories.length, 0);
  return `${file}: valid: ${counted(subscriptions.length, 'subscription')}, ${counted(repositories, 'repository')}`;
}

function counted(count: number, noun: 'subscription' | 'repository'): string {
  const plural = noun === 'repository' ? 'repositories' : 'subscriptions';
  return `${count} ${count === 1 ? noun : plural}`;
}

/** What is allowed but may surprise. */
function notes(file: string, { subscriptions }: Config): string[] {
  return subscriptions
    .flatMap(({ repositories }) => repositories)
    .filter(({ access, identity }) => access === null && isKnown(identity))
    .map(
      ({ path }) =>
        `${file}: note: ${path} is had with credentials and has no access rule: clients get 403 guarded_at_hub`,
    );
}

function isKnown({
  username,
  headers,
  certificate,
}: Config['subscriptions'][number]['repositories'][number]['identity']): boolean {
  return username !== null || headers.length > 0 || certificate !== null;
}
