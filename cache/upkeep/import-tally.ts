import { asWaystationError } from '../../base/errors.ts';
import type { WaystationError } from '../../base/errors.ts';
import type { ImportReport } from '../../base/status.ts';
import { pathText } from './import-tree.ts';
import type { TreeEntry } from './import-tree.ts';

/** Who looks on. */
export interface ImportWatch {
  /** So many files, of so many bytes in all, will be read. */
  expected(files: number, bytes: number): void;
  /** One of them was dealt with; `taken` bytes of it were stored. */
  done(bytes: number, taken: number): void;
  failed(path: string, error: WaystationError): void;
}

/** Counts what an import did. Every file that was met ends in exactly one of its figures. */
export class ImportTally {
  readonly #watch: ImportWatch;
  readonly #files = {
    seen: 0,
    matched: 0,
    taken: 0,
    held: 0,
    unlisted: 0,
    unneeded: 0,
    unreadable: 0,
    failed: 0,
    left: 0,
  };
  readonly #bytes = { seen: 0, read: 0, taken: 0 };
  readonly #passedOver = { links: 0, others: 0, unreadable: 0 };
  #copied = 0;
  #copiedBecause: string | null = null;
  #unknown = 0;
  /** Repositories in the tree. */
  repositories = 0;
  /** Why nothing more is stored; null: it goes on. */
  refusal: WaystationError | null = null;

  constructor(watch: ImportWatch) {
    this.#watch = watch;
  }

  /** On the first way through the tree. */
  met(entry: TreeEntry): void {
    if (entry.kind === 'file') {
      this.#files.seen += 1;
      this.#bytes.seen += entry.size;
      if (pathText(entry.path).endsWith('/repodata/repomd.xml')) this.repositories += 1;
    } else if (entry.kind === 'out') this.#passedOver.links += 1;
    else if (entry.kind === 'other') this.#passedOver.others += 1;
    else {
      this.#passedOver.unreadable += 1;
      this.#watch.failed(pathText(entry.path), entry.error);
    }
  }

  /** The packages of a repository are not known. */
  unknown(repository: string, error: WaystationError): void {
    this.#unknown += 1;
    this.#watch.failed(repository, error);
  }

  /** Nothing lists it; so many bytes were read to know that, null: its size told. */
  unlisted(read: number | null): void {
    this.#files.unlisted += 1;
    if (read === null) return;
    this.#bytes.read += read;
    this.#watch.done(read, 0);
  }

  /** Not read: every listed file of its size is held. */
  unneeded(): void {
    this.#files.unneeded += 1;
  }

  /** Not read: nothing more is stored. */
  left(): void {
    this.#files.left += 1;
  }

  /** Listed. @param stored how often, 0: it was held. @param copied why it is no link; null: it is as asked. */
  matched(size: number, stored: number, copied: string | null): void {
    this.#files.matched += 1;
    this.#files[stored > 0 ? 'taken' : 'held'] += 1;
    this.#bytes.read += size;
    this.#bytes.taken += stored * size;
    if (stored > 0 && copied !== null) {
      this.#copied += 1;
      this.#copiedBecause ??= copied;
    }
    this.#watch.done(size, stored * size);
  }

  failed(path: Buffer, size: number, thrown: unknown): void {
    const matched = thrown instanceof MatchedError;
    const error = asWaystationError(matched ? thrown.cause : thrown);
    this.#watch.done(size, 0);
    if (error.code === 'internal') throw error;
    this.#watch.failed(pathText(path), error);
    if (error.source === 'disk') {
      this.refusal = error;
      if (!matched) return this.left();
    }
    if (matched) this.#files.matched += 1;
    this.#files[matched ? 'failed' : 'unreadable'] += 1;
  }

  report(of: { readonly directory: string; readonly dryRun: boolean }): Omit<ImportReport, 'repositories'> {
    const { directory, dryRun } = of;
    const { failed, left } = this.#files;
    return {
      directory,
      dryRun,
      complete: failed === 0 && left === 0 && this.#unknown === 0,
      files: { ...this.#files },
      bytes: { ...this.#bytes },
      passedOver: { ...this.#passedOver },
      copied: { files: this.#copied, reason: this.#copiedBecause },
      repositoriesFound: this.repositories,
    };
  }
}

/** A failure of a file that is listed: it is to be told as such. */
export class MatchedError extends Error {
  constructor(cause: unknown) {
    super('a listed file was not taken', { cause });
  }
}
