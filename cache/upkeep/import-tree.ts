import { lstat, opendir, realpath } from 'node:fs/promises';
import type { Dir } from 'node:fs';
import { systemCode, WaystationError } from '../../base/errors.ts';

/** What is met in a tree. Names are bytes: those of other systems need not be UTF-8. */
export type TreeEntry =
  | { readonly kind: 'file'; readonly path: Buffer; readonly size: number }
  /** A symbolic link that leads out of the tree, or nowhere. */
  | { readonly kind: 'out'; readonly path: Buffer }
  /** No file at all: a device, a socket, a pipe. */
  | { readonly kind: 'other'; readonly path: Buffer }
  /** A folder, or a name. */
  | { readonly kind: 'unreadable'; readonly path: Buffer; readonly error: WaystationError };

/**
 * The real path of a folder that is to be walked.
 * @throws WaystationError `import_unreadable` when this process cannot list it.
 */
export async function treeRoot(directory: string): Promise<Buffer> {
  try {
    const root = await realpath(directory, 'buffer');
    await (await opendir(root)).close();
    return root;
  } catch (error) {
    throw unreadable(Buffer.from(directory), error);
  }
}

/**
 * Every regular file below a folder, once under each of its names. Symbolic links are not followed: what they lead to
 * inside of the tree is met there, so that no loop is possible; those that lead out of it are told. What cannot be read
 * is told and passed over.
 * @param root as `treeRoot` gives it.
 * @param except real paths of folders that are passed over.
 */
export async function* walkTree(root: Buffer, except: readonly Buffer[] = []): AsyncGenerator<TreeEntry> {
  const waiting: Buffer[] = [root];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const path = folder;
    if (except.some((each) => each.equals(path))) continue;
    try {
      for await (const name of namesIn(path)) {
        const entry = await met(Buffer.concat([path, slash, name]), root);
        if (entry.kind === 'folder') waiting.push(entry.path);
        else if (entry.kind !== 'inside') yield entry;
      }
    } catch (error) {
      yield { kind: 'unreadable', path, error: unreadable(path, error) };
    }
  }
}

/** A path of the tree as text for people: bytes that are no UTF-8 are replaced. */
export function pathText(path: Buffer): string {
  return path.toString('utf8');
}

/** Why something in the tree cannot be read. */
export function unreadable(path: Buffer, thrown: unknown): WaystationError {
  if (thrown instanceof WaystationError) return thrown;
  const user = process.geteuid?.();
  const who = systemCode(thrown) === 'EACCES' && user !== undefined ? ` (this process runs as user ${user})` : '';
  const reason = systemCode(thrown) ?? String(thrown);
  return new WaystationError('import_unreadable', `${pathText(path)} cannot be read: ${reason}${who}`, {
    cause: thrown,
  });
}

const slash = Buffer.from('/');

/** One after the other: a folder may hold a million names. */
async function* namesIn(folder: Buffer): AsyncGenerator<Buffer> {
  // Node takes a Buffer and gives Buffers; its types know of text alone.
  const open = opendir as unknown as (
    path: Buffer,
    options: { encoding: 'buffer'; bufferSize: number },
  ) => Promise<Dir>;
  for await (const { name } of await open(folder, { encoding: 'buffer', bufferSize: 256 }))
    yield name as unknown as Buffer;
}

/** What is not told: folders, which are walked, and links to what is met elsewhere. */
type Untold = { readonly kind: 'folder'; readonly path: Buffer } | { readonly kind: 'inside'; readonly path: Buffer };

async function met(path: Buffer, root: Buffer): Promise<TreeEntry | Untold> {
  try {
    const facts = await lstat(path);
    if (facts.isFile()) return { kind: 'file', path, size: facts.size };
    if (facts.isDirectory()) return { kind: 'folder', path };
    if (!facts.isSymbolicLink()) return { kind: 'other', path };
    const target = await realpath(path, 'buffer').catch(() => null);
    return { kind: target !== null && isBelow(target, root) ? 'inside' : 'out', path };
  } catch (error) {
    return { kind: 'unreadable', path, error: unreadable(path, error) };
  }
}

/** Whether `path` is `folder` or lies in it; both real. */
export function isBelow(path: Buffer, folder: Buffer): boolean {
  if (folder.equals(slash) || path.equals(folder)) return true;
  return path.subarray(0, folder.length).equals(folder) && path[folder.length] === slash[0];
}
