import { mkdir, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../base/errors.ts';

/** Others on the same file system: they take bytes or names, and give them back. */
export class Others {
  readonly #folder: string;
  #files = 0;

  /** @param folder on the file system that they share. */
  static async on(folder: string): Promise<Others> {
    const own = join(folder, 'others');
    await mkdir(own);
    return new Others(own);
  }

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Leaves so many bytes, or fewer; by default none. */
  async takeBytes(left = 0): Promise<void> {
    for (let size = 1 << 20; size >= 1 << 10;) {
      if ((await freeBytes(this.#folder)) - left < size || !(await this.#written(Buffer.alloc(size, 'x')))) size /= 4;
    }
  }

  async takeNames(): Promise<void> {
    while (await this.#written(Buffer.alloc(0)));
  }

  async giveBack(): Promise<void> {
    for (const name of await readdir(this.#folder)) await rm(join(this.#folder, name));
  }

  /** @returns false when the file system takes no more. */
  async #written(bytes: Buffer): Promise<boolean> {
    this.#files += 1;
    const path = join(this.#folder, String(this.#files));
    try {
      await writeFile(path, bytes, { flush: true });
      return true;
    } catch (error) {
      if (systemCode(error) !== 'ENOSPC') throw error;
      await rm(path, { force: true });
      return false;
    }
  }
}

/** Bytes that a file system can still take. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Bytes of the blobs and parts in a state directory, each file once, as somebody sees them who looks meanwhile. */
export async function takenBytes(state: string): Promise<number> {
  const sizes = new Map<number, number>();
  for (const folder of ['blobs', 'parts']) {
    const entries = await readdir(join(state, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      const facts = await stat(join(entry.parentPath, entry.name)).catch(() => null);
      if (facts !== null) sizes.set(facts.ino, facts.size);
    }
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
