import type { WaystationError } from '../base/errors.ts';

/** What a reader says about its files while it works. Sizes in bytes. */
export interface ReadProgress {
  /** So many files, of so many bytes, belong to what is being read. */
  expected(files: number, bytes: number): void;
  /**
   * So many more bytes of one of them are here, of a large one that is under way; `moved` tells whether they had to be
   * brought now, and are not left from an earlier try.
   */
  readonly arrived?: (bytes: number, moved: boolean) => void;
  /**
   * One of them is held now; `fetched` tells whether it had to be brought.
   * @param arrived how many of its bytes were told before; none by default.
   */
  done(bytes: number, fetched: boolean, arrived?: number): void;
}

/** The same of packages, of which some may be missing in the end. */
export interface PackageProgress extends ReadProgress {
  /** This one cannot be had now. */
  failed(href: string, error: WaystationError): void;
}
