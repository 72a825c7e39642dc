import { WaystationError } from '../../base/errors.ts';
import type { Part, References } from './references.ts';

/** What somebody wants verified: everything held, what a subscription's kept generations list, or what lies at a path. */
export type VerifyTarget =
  | { readonly kind: 'all' }
  | { readonly kind: 'subscription'; readonly name: string }
  /** As clients name it below /content/: decoded, without a slash at either end. */
  | { readonly kind: 'path'; readonly path: string };

export interface Selection {
  /** Every blob, also what nothing lists; then the parts only say what is missing. */
  readonly everything: boolean;
  readonly parts: readonly Part[];
}

/**
 * Finds what a target means.
 * @throws WaystationError `unknown_subscription` when no generation of that name is kept, `not_found` when the path is in
 * no kept generation.
 */
export async function select(references: References, target: VerifyTarget): Promise<Selection> {
  const whole = (subscription: string): Part[] =>
    references.repositories(subscription).map((repository) => ({ subscription, repository, below: '', exact: false }));
  const subscriptions = references.subscriptions();
  if (target.kind === 'all') return { everything: true, parts: subscriptions.flatMap(whole) };
  if (target.kind === 'subscription') {
    if (subscriptions.includes(target.name)) return { everything: false, parts: whole(target.name) };
    throw new WaystationError('unknown_subscription', `nothing is kept of a subscription called ${target.name}`);
  }
  const parts: Part[] = [];
  for (const part of subscriptions.flatMap((name) => whole(name).flatMap((each) => partAt(each, target.path)))) {
    if (await listsAnything(references, part)) parts.push(part);
  }
  if (parts.length > 0) return { everything: false, parts };
  throw new WaystationError('not_found', `no kept generation has a repository, folder or file at ${target.path}`);
}

/** The parts of a repository that a path can mean: all of it, or a folder or file in it. */
function partAt(whole: Part, path: string): Part[] {
  const { repository } = whole;
  if (path === '' || repository === path || repository.startsWith(`${path}/`)) return [whole];
  if (!path.startsWith(`${repository}/`)) return [];
  const below = path.slice(repository.length + 1);
  return [
    { ...whole, below, exact: true },
    { ...whole, below: `${below}/`, exact: false },
  ];
}

async function listsAnything(references: References, part: Part): Promise<boolean> {
  if (part.below === '') return true;
  let damaged = false;
  for await (const _ of references.files(part, () => (damaged = true))) return true;
  return damaged;
}
