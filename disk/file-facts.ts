import type { Stats } from 'node:fs';

/** What the file system says of a file. */
export interface FileFacts {
  readonly size: number;
  /** Time of the last modification, milliseconds since the epoch. */
  readonly modified: number;
  /** Time of the last change of content, names or times: of a held file, when it got its name. */
  readonly changed: number;
  /** Names it has. */
  readonly links: number;
  /** Which file it is, whatever its names. */
  readonly inode: number;
  /** It is a folder, and no file. */
  readonly folder: boolean;
}

/**
 * The time of last modification that every proven file is given before it gets its name. Whoever edits, truncates or
 * copies a file gives it another one, so that a file with another is hashed again before it is trusted: no index has to
 * know of it, and nothing is read twice. In whole seconds and even, as the coarsest file systems keep times.
 */
export const proven = Date.UTC(2001, 0, 1);

export function factsOf(stats: Stats): FileFacts {
  const { size, mtimeMs, ctimeMs, nlink, ino } = stats;
  return { size, modified: mtimeMs, changed: ctimeMs, links: nlink, inode: ino, folder: stats.isDirectory() };
}
