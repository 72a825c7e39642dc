import type { Clock } from '../../base/clock.ts';
import type { ReadProgress, PackageProgress } from '../../mirror/progress.ts';
import { nobody, RunRecord } from '../../runs/run-record.ts';

/** How far the making of a snapshot is: a run like a PoP's syncs. */
export class SnapshotRun extends RunRecord {
  /** Where the reader of repositories reports its files. */
  readonly metadata: ReadProgress;
  readonly #repositories = this.phase('repositories');
  #fetched = { files: 0, bytes: 0 };

  constructor(name: string, clock: Clock) {
    super({ prefix: `${name}-`, subscription: null, kind: 'snapshot', clock, observer: nobody });
    this.metadata = this.#progressOf('metadata');
  }

  /** Files and bytes that had to be brought; the rest was in the store already. */
  get fetched(): { readonly files: number; readonly bytes: number } {
    return this.#fetched;
  }

  expect(repositories: number): void {
    this.#repositories.expect(repositories, 0);
  }

  repositoryDone(): void {
    this.#repositories.fileDone();
  }

  /** Where the packages of a repository are reported; those that cannot be had are failures of the run. */
  packages(path: string): PackageProgress {
    return {
      ...this.#progressOf('packages'),
      failed: (href, { code, message }) => this.missing(`${path}/${href}`, code, message),
    };
  }

  /** Something of the snapshot cannot be had. */
  missing(path: string, code: Parameters<RunRecord['failed']>[0]['code'], reason: string): void {
    this.failed({ path, code, reason, attempts: 1, nextTry: null });
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
        if (fetched) this.#fetched = { files: this.#fetched.files + 1, bytes: this.#fetched.bytes + bytes };
      },
    };
  }
}
