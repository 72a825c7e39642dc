import { randomBytes } from 'node:crypto';
import { chown, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode, WaystationError } from '../../base/errors.ts';

/** Who files shall belong to; null: whoever makes them. */
export type Owner = { readonly uid: number; readonly gid: number } | null;

/** The owner of a folder, where this process may give files away (root may). */
export async function ownerOf(folder: string): Promise<Owner> {
  if (process.getuid?.() !== 0) return null;
  const { uid, gid } = await stat(folder);
  return uid === 0 ? null : { uid, gid };
}

/** Makes a folder that its owner alone may look into, and those above it. */
export async function makePrivateFolder(folder: string, owner: Owner): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (made === undefined || owner === null) return;
  for (let path = folder; path.length >= made.length; path = dirname(path)) await chown(path, owner.uid, owner.gid);
}

/** Puts a file in the place of one of that name: whole or not at all, and there after a power cut. Mode 0600. */
export async function writeDurably(path: string, text: string, owner: Owner): Promise<void> {
  const aside = join(dirname(path), `.${randomBytes(8).toString('hex')}`);
  try {
    const file = await open(aside, 'wx', 0o600);
    try {
      await file.writeFile(text);
      if (owner !== null) await file.chown(owner.uid, owner.gid);
      await file.sync();
    } finally {
      await file.close();
    }
    await moveDurably(aside, path);
  } catch (error) {
    await unlink(aside).catch(() => {});
    throw unusable(path, error);
  }
}

/** Gives a file another name of the same folder. */
export async function moveDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  const folder = await open(dirname(to), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** null: there is none. @throws WaystationError `secret_unreadable` */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): WaystationError {
  const reason = systemCode(error) ?? (error instanceof Error ? error.message : String(error));
  return new WaystationError('secret_unreadable', `file ${path} of the identity cannot be used: ${reason}`, {
    cause: error,
  });
}
