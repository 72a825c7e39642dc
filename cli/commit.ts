/** The git commit that this was built from, with `-dirty` when files differed from it. packaging/bundle.ts fills it in; in a checkout it is null. */
export const commit: string | null = null;
