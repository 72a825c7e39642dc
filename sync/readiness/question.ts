/** What shall be ready. */
export interface ReadyQuestion {
  /** Names; empty: all of them. */
  readonly subscriptions: readonly string[];
  /** Which repositories count, by path; null: all of them. */
  readonly counts: ((path: string) => boolean) | null;
  /** null: what policies promise, and all metadata. */
  readonly needs: Needs | null;
}

/** What hosts must be able to install. At least one of `packages` and `host` says something. */
export interface Needs {
  /** In dnf's words: names, `name.arch`, NEVRAs, globs, provides, `@groups`; installed on an empty host. */
  readonly packages: readonly string[];
  /** A list as `rpm -qa` prints it; null: none. The host is brought up to date, and what it has can be had again. */
  readonly host: string | null;
  /** Of the host; null: that of the list, else this machine's. */
  readonly arch: string | null;
  /** Module streams that are enabled there, beside the default ones: `nodejs:20`. */
  readonly modules: readonly string[];
  /** Recommended packages count. */
  readonly weak: boolean;
}
