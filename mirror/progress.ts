import type { WaystationError } from '../base/errors.ts';

/** What a reader says about its files while it works. Sizes in bytes. */
export interface ReadProgress {
  /** So many files, of so many bytes, belong to what is being read. */
  expected(files: number, bytes: number): void;
  /** One of them is held now; `fetched` tells whether it had to be brought. */
  done(bytes: number, fetched: boolean): void;
}

/** The same of packages, of which some may be missing in the end. */
export interface PackageProgress extends ReadProgress {
  /** This one cannot be had now. */
  failed(href: string, error: WaystationError): void;
}
