/** A file and the name that it is to have. */
export interface Renaming {
  readonly from: string;
  readonly to: string;
}

/** Gives files their names by a call for each. @returns the error of each, in their order; null: it has its name. */
export function renameEach(
  names: readonly Renaming[],
  rename: (from: string, to: string) => Promise<void>,
): Promise<readonly (Error | null)[]> {
  return Promise.all(
    names.map(({ from, to }) =>
      rename(from, to).then(
        () => null,
        (error: unknown) => error as Error,
      ),
    ),
  );
}
