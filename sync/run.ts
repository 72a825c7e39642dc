import { Lanes } from './lanes.ts';
import type { Clock } from '../base/clock.ts';
import type { PackageProgress, ReadProgress } from '../mirror/progress.ts';
import type { RunObserver, RunOptions } from '../runs/run-record.ts';
import { RunRecord } from '../runs/run-record.ts';

/** One run of a subscription. */
export class Run extends RunRecord {
  /** Whether somebody asked for it: then nothing that was seen before it began counts as proof. */
  readonly requested: boolean;
  /** Where a repository's reader reports its files. */
  readonly progress: ReadProgress;
  /** Repositories whose packages are fetched at a time: apart from the reading of metadata, which shall not wait for it. */
  readonly fetching = new Lanes(4);
  readonly #repositories = this.phase('repositories');
  readonly #forced = new Set<string>();

  constructor(options: {
    readonly subscription: string;
    readonly kind: string;
    readonly requested: boolean;
    readonly clock: Clock;
    readonly observer: RunObserver;
    readonly pause: NonNullable<RunOptions['pause']>;
  }) {
    super({ ...options, prefix: '' });
    this.requested = options.requested;
    this.progress = this.#progressOf('metadata');
  }

  expect(repositories: number): void {
    this.#repositories.expect(repositories, 0);
  }

  repositoryDone(): void {
    this.#repositories.fileDone();
  }

  /** Where packages that a policy wants are reported; `failed` is told of those that cannot be had. */
  packages(failed: PackageProgress['failed']): PackageProgress {
    return { ...this.#progressOf('packages'), failed };
  }

  /** So many packages that a policy wants are held already. */
  held(packages: number, bytes: number): void {
    const phase = this.phase('packages');
    phase.expect(packages, bytes);
    phase.read(bytes, 0);
    phase.fileDone(packages);
  }

  /** Not even what is held of this repository is believed. */
  force(path: string): void {
    this.#forced.add(path);
  }

  forces(path: string): boolean {
    return this.#forced.has(path);
  }

  #progressOf(name: string): ReadProgress {
    const phase = this.phase(name);
    return {
      expected: (files, bytes) => phase.expect(files, bytes),
      arrived: (bytes, moved) => phase.read(bytes, moved ? bytes : 0),
      done: (bytes, fetched, arrived = 0) => {
        const rest = bytes - arrived;
        phase.read(rest, fetched ? rest : 0);
        phase.fileDone();
      },
    };
  }
}
