import type { Digest, Listed } from '../base/digest.ts';
import type { PackageEntry, Unservable } from '../base/package-entry.ts';
import type { Loader } from '../base/transfer.ts';

/** What a package map holds, once written. */
export interface MapSummary {
  readonly packages: number;
  /** Sum of the listed sizes. */
  readonly bytes: number;
  readonly unservable: number;
}

/** Where proven files go: the PoP's cache, or a hub's store. */
export interface Sink {
  /** Whether `scope` has proven to possess this file; said at once where that can be. */
  holds(scope: string, listed: Listed): boolean | Promise<boolean>;
  /**
   * Resolves once the file is held, verified by length and digest and durable. Joins a fill that somebody else began; when
   * that one's sources fail, the loader has still to be asked. Before that the loader is told when the file is received.
   */
  ensure(scope: string, listed: Listed, loader: Loader, signal: AbortSignal): Promise<void>;
  /** Keeps small bytes that nothing lists (repomd.xml, its signature and key), durably; returns their sha256 and size. */
  keep(scope: string, bytes: Buffer): Promise<Listed>;
  /** The bytes of a held file, in order. */
  read(scope: string, listed: Listed): AsyncIterable<Buffer>;
  /** The sha256 of a held file: its own name, or computed when another algorithm lists it. */
  sha256(scope: string, listed: Listed): Promise<Digest>;
  /** The packages of a map, in the order of their names. @throws WaystationError when the map is damaged. */
  packages(primary: Digest): AsyncIterable<{ readonly href: string; readonly listed: Listed }>;
  /** The same, many at a time. */
  packageBlocks(primary: Digest): AsyncIterable<readonly { readonly href: string; readonly listed: Listed }[]>;
  /** The map of this name, null when there is none yet: made from the primary with this sha256, or a part of one. */
  map(primary: Digest): Promise<MapSummary | null>;
  /**
   * Writes a map: `write` adds every entry, in any order, then resolves; nothing is visible before, and
   * nothing stays when it rejects. Of two entries with one href and the same listed file one is kept; with different
   * files none is, and the href is counted unservable (`duplicate`).
   */
  writeMap(primary: Digest, write: (add: MapWriter) => Promise<void>): Promise<MapSummary>;
}

export interface MapWriter {
  add(entry: Pick<PackageEntry, 'href' | 'listed'>): void;
  unservable(entry: Unservable): void;
}

/** A sink for files that are listed by digest alone. */
export interface SizingSink extends Sink {
  /** Bytes of a file that this scope holds, or held once; null: not known. */
  size(scope: string, digest: Digest): Promise<number | null>;
}
