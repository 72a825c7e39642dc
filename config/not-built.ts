import type { Finding, KeyPath } from './problem.ts';
import type { Tree } from './tree.ts';
import { select } from './tree.ts';

interface NotBuilt {
  /** Keys from the outside in; `*` stands for every key or index. */
  readonly at: KeyPath;
  /** Which values are meant; absent: the key itself. */
  readonly value?: (value: Tree) => boolean;
  readonly what: (value: Tree) => string;
}

/** What the contract names and this version does not do: refused, never ignored. Building something removes its line. */
const notBuilt: readonly NotBuilt[] = ['repositories', 'overrides'].map((list) => ({
  at: ['subscriptions', '*', list, '*', 'access'],
  value: (access) => typeof access === 'object' && access !== null,
  what: () => 'an access rule other than open and deny',
}));

/** Everything in the file that is not built yet; messages carry the code `not_built`. */
export function notBuiltFindings(root: Tree): Finding[] {
  return notBuilt.flatMap(({ at, value, what }) =>
    select(root, at)
      .filter((found) => value?.(found.value) ?? true)
      .map((found) => ({
        path: found.path,
        message: `not built yet: ${what(found.value)} (not_built)`,
        ...(value === undefined ? { on: 'key' as const } : {}),
      })),
  );
}
