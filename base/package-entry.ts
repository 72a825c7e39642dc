import type { Listed } from './digest.ts';

/** One package as primary.xml lists it. */
export interface PackageEntry {
  /** Relative to the repository, raw: XML entities decoded, percent signs as they stand. */
  readonly href: string;
  readonly listed: Listed;
  readonly name: string;
  readonly epoch: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
}

/**
 * A package that metadata names but nobody may be served, and why (`location`: it has none, or several). It stops
 * nothing else.
 */
export interface Unservable {
  readonly href: string;
  readonly reason: 'escapes' | 'absolute' | 'duplicate' | 'checksum' | 'size' | 'location' | 'too-long';
}
