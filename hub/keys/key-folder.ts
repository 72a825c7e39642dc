import { link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { systemCode, WaystationError } from '../../base/errors.ts';

/** The folder of a hub's keys: files of mode 0600 that only its own user can read, and and those of keys are never replaced. */
export class KeyFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** @returns the text of a file, null when there is none. @throws WaystationError `secret_unreadable` */
  async read(name: string): Promise<string | null> {
    const path = join(this.path, name);
    try {
      const { mode } = await stat(path);
      // What others can read is no secret any more.
      if (name.endsWith('.key') && (mode & 0o077) !== 0)
        throw new Error(`its mode is ${(mode & 0o777).toString(8)}, not 600`);
      return await readFile(path, 'utf8');
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null;
      throw unusable(path, error);
    }
  }

  /** As `read`. @throws WaystationError `secret_unreadable` also when the file is not there. */
  async need(name: string): Promise<string> {
    const text = await this.read(name);
    if (text === null)
      throw unusable(join(this.path, name), new Error('it does not exist; `waystation hub init` makes it'));
    return text;
  }

  /** Makes a file, durably, unless there is one of that name. @returns the text that the file has in the end. */
  async make(name: string, text: string): Promise<string> {
    await this.#written(name, text, async (aside, path) => {
      await link(aside, path).catch((error: unknown) => {
        if (systemCode(error) !== 'EEXIST') throw error;
      });
      await unlink(aside);
    });
    return this.need(name);
  }

  /** Replaces a file, durably: readers see the old or the new one as a whole. */
  async replace(name: string, text: string): Promise<void> {
    await this.#written(name, text, rename);
  }

  /** Removes a file; one that is not there is removed already. */
  async remove(name: string): Promise<void> {
    const path = join(this.path, name);
    try {
      await unlink(path);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw unusable(path, error);
    }
  }

  async #written(name: string, text: string, settle: (aside: string, path: string) => Promise<void>): Promise<void> {
    const path = join(this.path, name);
    const aside = join(this.path, `.${randomBytes(8).toString('hex')}`);
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const file = await open(aside, 'wx', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await settle(aside, path);
      await synced(dirname(path));
    } catch (error) {
      throw unusable(path, error);
    }
  }
}

async function synced(folder: string): Promise<void> {
  const opened = await open(folder, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

function unusable(path: string, error: unknown): WaystationError {
  const reason = systemCode(error) ?? (error instanceof Error ? error.message : String(error));
  return new WaystationError('secret_unreadable', `key file ${path} cannot be used: ${reason}`, { cause: error });
}
