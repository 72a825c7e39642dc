import { closeSync, constants, fchmodSync, fsyncSync, lstatSync, mkdirSync, openSync } from 'node:fs';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '../../base/errors.ts';

export interface UnpackedPlace {
  /** The state directory. */
  readonly state: string;
  /** Below it, named after the bytes: two levels, `native/<sha256>`. */
  readonly folder: string;
  readonly name: string;
}

/**
 * The path of a file with these bytes that nobody else can have written: the folder is made 0700, the file 0500, under
 * a temporary name first. One that is there already is used if it has the same bytes. What older versions unpacked
 * beside it is removed.
 * @throws Error when the state directory is open to others, or the system's error.
 */
export function unpackedFile(bytes: Buffer, place: UnpackedPlace): string {
  const folder = join(place.state, place.folder);
  const path = join(folder, place.name);
  for (const each of [place.state, dirname(folder), folder]) {
    if (each !== place.state) makeFolder(each);
    if (!isPrivate(each)) throw new Error(`${each} can be written by others`);
  }
  if (!holds(path, bytes)) write(path, bytes);
  removeOthers(folder);
  return path;
}

/** Whether only this user and root can write to it, and it is no symbolic link. */
export function isPrivate(path: string): boolean {
  const { uid, mode } = lstatSync(path);
  return (
    (uid === 0 || uid === process.geteuid?.()) &&
    (mode & 0o022) === 0 &&
    (mode & constants.S_IFMT) !== constants.S_IFLNK
  );
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
}

function holds(path: string, bytes: Buffer): boolean {
  try {
    return isPrivate(path) && readFileSync(path).equals(bytes);
  } catch {
    return false;
  }
}

function write(path: string, bytes: Buffer): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  const file = openSync(temporary, 'wx', 0o500);
  try {
    writeFileSync(file, bytes);
    // Whatever the umask made of it.
    fchmodSync(file, 0o500);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

function removeOthers(folder: string): void {
  const parent = dirname(folder);
  for (const name of readdirSync(parent)) {
    if (join(parent, name) !== folder) rmSync(join(parent, name), { recursive: true, force: true });
  }
}
