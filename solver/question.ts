import type { Listed } from '../base/digest.ts';

/** A package by its name, as `rpm -qa` prints it; `epoch` is null where that does not say it. */
export interface InstalledPackage {
  readonly name: string;
  readonly epoch: string | null;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
}

/** A repository's metadata as a solver reads it. */
export interface SolverRepository {
  /** As hosts call it, which decides between equal packages; unique in a question. */
  readonly id: string;
  readonly records: readonly SolverRecord[];
}

/** A file that repomd.xml lists. */
export interface SolverRecord {
  /** `primary`, `filelists`, `modules`, … */
  readonly type: string;
  /** Relative to the repository, proven to lie in it. */
  readonly href: string;
  readonly listed: Listed;
  /** Its decompressed form; null: not said. */
  readonly open: Listed | null;
  /** The file's bytes from the beginning. */
  readonly read: () => AsyncIterable<Buffer>;
}

/** What is asked: what a host would have to download. */
export interface SolverQuestion {
  readonly repositories: readonly SolverRepository[];
  /** As rpm names it: `x86_64`, `aarch64`, … */
  readonly arch: string;
  /** What is installed on an empty host, in dnf's words: names, `name.arch`, NEVRAs, globs, provides, files, `@groups`. */
  readonly packages: readonly string[];
  /** What a host has: it is brought up to date. Empty: no host. */
  readonly installed: readonly InstalledPackage[];
  /** Module streams that are enabled, beside the default ones: `nodejs:20`. */
  readonly modules: readonly string[];
  /** NEVRAs of packages of whose requirements it is told which nothing provides: beside the rest. */
  readonly closure: readonly string[];
  /** Recommended packages count too, as dnf has it by default. */
  readonly weak: boolean;
}

/** A package that has to be downloaded. */
export interface SolverPackage {
  /** Id of its repository. */
  readonly repository: string;
  readonly href: string;
  /** `name-[epoch:]version-release.arch` */
  readonly nevra: string;
}

export interface SolverAnswer {
  /** `dnf 4.14.0`, `libsolv` */
  readonly solver: string;
  readonly needs: readonly SolverPackage[];
  /** Of `packages`: what nothing in the repositories is called, or what cannot be chosen. */
  readonly unknown: readonly string[];
  /** Why not all of it can be installed together, in the solver's words. `needs` is then what can be. */
  readonly problems: readonly string[];
  /** Of `closure`. */
  readonly unresolved: readonly { readonly nevra: string; readonly requirement: string }[];
  /** Of `installed`: NEVRAs that no repository lists. */
  readonly foreign: readonly string[];
  /** What the answer leaves out. */
  readonly notes: readonly string[];
}

/** Finds out what has to be downloaded for something to be installed. */
export interface Solver {
  /**
   * @throws WaystationError `solver_missing` when this machine has none; `solver_failed`; the signal's reason.
   */
  solve(question: SolverQuestion, signal: AbortSignal): Promise<SolverAnswer>;
}
