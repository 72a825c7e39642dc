import type { KeyPath } from './problem.ts';

/** The values of a configuration file as they stand, before anything is known to be right. */
export type Tree = string | number | boolean | null | readonly Tree[] | { readonly [key: string]: Tree };

export type TreeMap = Readonly<Record<string, Tree>>;

/** A value and where it stands. */
export interface Placed {
  readonly path: KeyPath;
  readonly value: Tree;
}

/** The map that a value is; an empty one when it is something else, which the schema reports. */
export function mapOf(value: Tree | undefined): TreeMap {
  return isMap(value) ? value : {};
}

export function isMap(value: Tree | undefined): value is TreeMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The list that a value is; an empty one when it is something else. */
export function listOf(value: Tree | undefined): readonly Tree[] {
  return Array.isArray(value) ? (value as readonly Tree[]) : [];
}

/** Every value at `pattern`, in which `*` stands for every key of a map and every index of a list. */
export function select(root: Tree, pattern: KeyPath): Placed[] {
  return pattern.reduce<Placed[]>(
    (found, step) => found.flatMap((placed) => children(placed, step)),
    [{ path: [], value: root }],
  );
}

function children({ path, value }: Placed, step: string | number): Placed[] {
  const entries: readonly (readonly [string | number, Tree])[] = isMap(value)
    ? Object.entries(value)
    : listOf(value).map((item, index) => [index, item] as const);
  return entries
    .filter(([key]) => step === '*' || key === step)
    .map(([key, item]) => ({ path: [...path, key], value: item }));
}
