import type { GenerationStore } from './store.ts';

/** Which subscription serves which path: one each (contract). Lives as long as the process. */
export class PathOwners {
  readonly #owners = new Map<string, { readonly subscription: string; readonly yields: boolean }>();

  /**
   * Takes a path, unless another subscription has it.
   * @returns null when it is the caller's now, else the name of the subscription that has it.
   */
  claim(path: string, subscription: string): string | null {
    const owner = this.#owners.get(path);
    if (owner !== undefined && owner.subscription !== subscription && !owner.yields) return owner.subscription;
    this.#owners.set(path, { subscription, yields: false });
    return null;
  }

  /**
   * The subscription no longer wants the path, which it may still serve.
   * @param yields whether another may take it: only where leaving was the operator's own decision.
   */
  leave(path: string, subscription: string, yields: boolean): void {
    if (this.#owners.get(path)?.subscription === subscription) this.#owners.set(path, { subscription, yields });
  }

  ownerOf(path: string): string | null {
    return this.#owners.get(path)?.subscription ?? null;
  }
}

/** Those of the paths that a subscription serves which another one serves by now. */
export function givenAway(
  subscription: string,
  paths: readonly string[],
  { owners, store }: { readonly owners: PathOwners; readonly store: Pick<GenerationStore, 'current'> },
): ReadonlySet<string> {
  const given = paths.filter((path) => {
    const owner = owners.ownerOf(path) ?? subscription;
    return owner !== subscription && store.current(owner)?.repositories[path] !== undefined;
  });
  return new Set(given);
}
