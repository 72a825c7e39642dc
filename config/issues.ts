import type { z } from 'zod';
import type { Finding, KeyPath } from './problem.ts';
import { isMap } from './tree.ts';
import type { Tree } from './tree.ts';

type Issue = z.core.$ZodIssue;

/** The schema's issues as findings, one for each key that is wrong. */
export function findingsOf(issues: readonly Issue[], root: Tree, base: KeyPath = []): Finding[] {
  return issues.flatMap((issue) => findingsOfIssue(issue, root, base));
}

function findingsOfIssue(issue: Issue, root: Tree, base: KeyPath): Finding[] {
  const path = [...base, ...(issue.path as KeyPath)];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], on: 'key', message: issue.message }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const meant = branchMeant(issue.errors);
    if (meant !== null) return findingsOf(meant, root, path);
  }
  const isMissing = path.length > 0 && !isPresent(root, path);
  return [{ path, message: isMissing ? `is missing: it ${issue.message}` : issue.message }];
}

/** The one alternative of the kind (text, list, map) that the value has; null when none or several are. */
function branchMeant(branches: readonly (readonly Issue[])[]): readonly Issue[] | null {
  const meant = branches.filter((issues) => !issues.some((issue) => isOtherKind(issue)));
  return meant.length === 1 ? (meant[0] ?? null) : null;
}

/** Whether the issue says that the value as a whole is of another kind, or none of a fixed set of words. */
function isOtherKind(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.length > 0 && branchMeant(issue.errors) === null;
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

function isPresent(root: Tree, path: KeyPath): boolean {
  let value: Tree | undefined = root;
  for (const step of path) {
    if (isMap(value)) value = Object.hasOwn(value, step) ? value[step] : undefined;
    else value = Array.isArray(value) ? (value as readonly Tree[])[step as number] : undefined;
  }
  return value !== undefined;
}
