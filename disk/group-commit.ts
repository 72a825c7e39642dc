import { setImmediate as turn } from 'node:timers/promises';
import type { Disk } from './disk.ts';
import { inLanes } from './lanes.ts';

/** What is to be named, durably. */
export interface Pending {
  /** Puts down what the file still lacks: begun at once, and done before its round is synced. */
  readonly write?: () => Promise<void>;
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
/** Files in one round. */
const mostFiles = 512;
/** Files that are named at a time. */
const lanes = 16;
/** Of those who wait so many are told in one turn of the event loop: each has something to do then, and clients wait. */
const toldAtOnce = 4;

/**
 * Group commit: while one round of syncs is under way the next files gather, and share the next. The bytes of a round
 * are made durable together with the names of the round before, so that a full sync costs a few syncs a second, not
 * some for each file. Nobody waits for company: a single file goes at once.
 */
export class GroupCommit {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #writing = new Set<Promise<void>>();
  #written: Waiting[] = [];
  #running = false;

  /** @param root a folder on the file system that everything is on. */
  constructor(disk: Disk, root: string) {
    this.#disk = disk;
    this.#root = root;
  }

  /** Resolves when bytes and name outlive a power cut. @throws what writing, syncing or naming throws. */
  add(pending: Pending): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#write({ ...pending, done });
    if (!this.#running) void this.#run();
    return done.promise;
  }

  async #run(): Promise<void> {
    this.#running = true;
    // What comes in this turn shares the first round.
    await Promise.resolve();
    let named: Named[] = [];
    while (this.#writing.size + this.#written.length + named.length > 0) {
      await Promise.all(this.#writing);
      const round = this.#written.splice(0, mostFiles);
      const folders = new Set(named.map(({ folder }) => folder));
      const together =
        round.length + folders.size >= manyFiles && (await this.#disk.syncAll(this.#root).catch(() => false));
      const failures = together ? new Map<string, unknown>() : await this.#syncFolders(folders);
      const told = tell(named, failures);
      named = [];
      await inLanes(round, lanes, async (file) => {
        const given = await nameOf(file, together);
        if (given !== null) named.push(given);
      });
      await told;
    }
    this.#running = false;
  }

  /** At once, whatever round is under way: what is not written is lost with the process. */
  #write(file: Waiting): void {
    if (file.write === undefined) return void this.#written.push(file);
    const writing = file
      .write()
      .then(() => void this.#written.push(file), file.done.reject)
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
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

/** Tells those who wait for the names of a round how it went. */
async function tell(named: readonly Named[], failures: ReadonlyMap<string, unknown>): Promise<void> {
  for (const [place, { folder, done }] of named.entries()) {
    if (failures.has(folder)) done.reject(failures.get(folder));
    else done.resolve();
    if (place % toldAtOnce === toldAtOnce - 1) await turn();
  }
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
