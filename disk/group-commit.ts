import type { Disk } from './disk.ts';

/** What is to be named, durably. */
export interface Pending {
  /** Makes its bytes durable. */
  readonly sync: () => Promise<void>;
  /** Gives it its name. @returns the folder that the name is in. */
  readonly name: () => Promise<string>;
}

interface Waiting extends Pending {
  readonly done: PromiseWithResolvers<void>;
}

/** From so many files on, one sync of the whole file system is cheaper than one for each file and folder. */
const manyFiles = 16;
/** Files named in one round. */
const mostFiles = 512;

/**
 * Group commit: while one round of syncs is under way the next files gather, and share the next. The bytes of a round
 * are made durable together with the names of the round before, so that a full sync costs a few syncs a second, not
 * some for each file. Nobody waits for company: a single file goes at once.
 */
export class GroupCommit {
  readonly #disk: Disk;
  readonly #root: string;
  #waiting: Waiting[] = [];
  #running = false;

  /** @param root a folder on the file system that everything is on. */
  constructor(disk: Disk, root: string) {
    this.#disk = disk;
    this.#root = root;
  }

  /** Resolves when bytes and name outlive a power cut. @throws what syncing or naming throws. */
  add(pending: Pending): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#waiting.push({ ...pending, done });
    if (!this.#running) void this.#run();
    return done.promise;
  }

  async #run(): Promise<void> {
    this.#running = true;
    // What comes in this turn shares the first round.
    await Promise.resolve();
    let named: Named[] = [];
    while (this.#waiting.length > 0 || named.length > 0) {
      const round = this.#waiting.splice(0, mostFiles);
      const folders = new Set(named.map(({ folder }) => folder));
      const together =
        round.length + folders.size >= manyFiles && (await this.#disk.syncAll(this.#root).catch(() => false));
      const failures = together ? new Map<string, unknown>() : await this.#syncFolders(folders);
      for (const { folder, done } of named) {
        if (failures.has(folder)) done.reject(failures.get(folder));
        else done.resolve();
      }
      named = (await Promise.all(round.map((file) => nameOf(file, together)))).filter((file) => file !== null);
    }
    this.#running = false;
  }

  async #syncFolders(folders: Iterable<string>): Promise<Map<string, unknown>> {
    const failures = new Map<string, unknown>();
    const sync = async (folder: string): Promise<void> => {
      try {
        await this.#disk.syncFolder(folder);
      } catch (error) {
        failures.set(folder, error);
      }
    };
    await Promise.all([...folders].map(sync));
    return failures;
  }
}

interface Named {
  readonly folder: string;
  readonly done: PromiseWithResolvers<void>;
}

/** @returns null when it got no name, and who waits for it knows why. */
async function nameOf({ sync, name, done }: Waiting, synced: boolean): Promise<Named | null> {
  try {
    if (!synced) await sync();
    return { folder: await name(), done };
  } catch (error) {
    done.reject(error);
    return null;
  }
}
