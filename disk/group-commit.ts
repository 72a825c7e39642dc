import { setImmediate as turn } from 'node:timers/promises';
import type { Disk } from './disk.ts';
import type { Renaming } from './rename-each.ts';

/** What is to be named, durably. */
export interface Pending {
  /** Puts down what the file still lacks, if anything: begun at once, and done before its round is synced. */
  write?(): Promise<void> | null;
  /** Makes its bytes durable. */
  sync(): Promise<void>;
  /** Gives it its name. @returns the folder that the name is in. */
  name(): Promise<string>;
  /** What has to be renamed, where that is all; then `named` is called. null: `name` is. */
  plainly?(): Renaming | null;
  /** It was renamed as `plainly` said, or could not be. @returns as `name`. */
  named?(error: Error | null): string | Promise<string>;
  /** Bytes and name outlive a power cut. @returns what is still to be done before it is told, if anything. */
  durable?(): Promise<void> | null;
  /** They do not. @returns the error that is told. */
  failed?(error: unknown): unknown;
}

/** Told once how it ended. @param error null: well. */
export type Settled = (error: Error | null) => void;

/** From so many files on, one sync of the whole file system is cheaper than one for each file and folder. */
const manyFiles = 16;
/** Files in one round. */
const mostFiles = 512;
/** Files that are named at a time. */
const lanes = 64;
/** Of those who wait so many are told in one turn of the event loop: each has something to do then, and clients wait. */
const toldAtOnce = 16;

/**
 * Group commit: while one round of syncs is under way the next files gather, and share the next. The bytes of a round
 * are made durable together with the names of the round before, so that a full sync costs a few syncs a second, not
 * some for each file. Nobody waits for company: a single file goes at once.
 */
export class GroupCommit {
  readonly #disk: Disk;
  readonly #root: string;
  /** Those that came since a round last began to wait for what is being written. */
  #burst = new Burst();
  /** Files that are being written. */
  #writing = 0;
  #written: Waiting[] = [];
  #running = false;

  /** @param root a folder on the file system that everything is on. */
  constructor(disk: Disk, root: string) {
    this.#disk = disk;
    this.#root = root;
  }

  /** Resolves when bytes and name outlive a power cut. @throws what writing, syncing or naming throws. */
  add(pending: Pending): Promise<void> {
    return new Promise((resolve, reject) =>
      this.take(pending, (error) => (error === null ? resolve() : reject(error))),
    );
  }

  /** As `add`, for who needs no promise. */
  take(pending: Pending, settled: Settled): void {
    this.#write(new Waiting(pending, settled));
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    // What comes in this turn shares the first round.
    await Promise.resolve();
    let named: Waiting[] = [];
    while (this.#writing + this.#written.length + named.length > 0) {
      const burst = this.#burst;
      this.#burst = new Burst();
      await burst.over();
      const round = this.#written.splice(0, mostFiles);
      const folders = new Set(named.map(({ folder }) => folder));
      const together =
        round.length + folders.size >= manyFiles && (await this.#disk.syncAll(this.#root).catch(() => false));
      const failures = together ? new Map<string, unknown>() : await this.#syncFolders(folders);
      const told = tell(named, failures);
      named = await this.#nameAll(round, together);
      await told;
    }
    this.#running = false;
  }

  /** @param synced all of them. @returns those that got their names. */
  async #nameAll(round: readonly Waiting[], synced: boolean): Promise<Waiting[]> {
    if (!synced) return nameEach(round, synced);
    const named: Waiting[] = [];
    const others: Waiting[] = [];
    for (let from = 0; from < round.length; from += lanes) {
      const files: Waiting[] = [];
      const names: Renaming[] = [];
      for (const file of round.slice(from, from + lanes)) {
        const name = file.pending.plainly?.() ?? null;
        if (name === null) others.push(file);
        else {
          files.push(file);
          names.push(name);
        }
      }
      const errors = names.length === 0 ? [] : await this.#disk.renameAll(names);
      const again = files.map((file, at) => file.renamed(errors[at] ?? null, named)).filter((more) => more !== null);
      if (again.length > 0) await Promise.all(again);
    }
    return others.length === 0 ? named : [...named, ...(await nameEach(others, true))];
  }

  /** At once, whatever round is under way: what is not written is lost with the process. */
  #write(file: Waiting): void {
    const writing = file.pending.write?.() ?? null;
    if (writing === null) return void this.#written.push(file);
    const burst = this.#burst;
    burst.left += 1;
    this.#writing += 1;
    writing.then(
      () => {
        this.#written.push(file);
        this.#wrote(burst);
      },
      (error: unknown) => {
        file.fail(error);
        this.#wrote(burst);
      },
    );
  }

  #wrote(burst: Burst): void {
    this.#writing -= 1;
    burst.left -= 1;
    if (burst.left === 0) burst.onOver();
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

/** Files that are being written, and whose round waits for all of them. */
class Burst {
  left = 0;
  onOver: () => void = () => {};

  over(): void | Promise<void> {
    return this.left === 0 ? undefined : new Promise((resolve) => (this.onOver = resolve));
  }
}

/** A file and who waits for it. */
class Waiting {
  readonly pending: Pending;
  readonly #settled: Settled;
  /** That its name is in, once it has one. */
  folder = '';

  constructor(pending: Pending, settled: Settled) {
    this.pending = pending;
    this.#settled = settled;
  }

  succeed(): void {
    const settled = this.#settled;
    const rest = this.pending.durable?.() ?? null;
    if (rest === null) settled(null);
    else
      rest.then(
        () => settled(null),
        (error: unknown) => settled(error as Error),
      );
  }

  fail(error: unknown): void {
    this.#settled((this.pending.failed?.(error) ?? error) as Error);
  }

  /** It was renamed as it said, or could not be. @param named gets it if it has its name. @returns when, if not now. */
  renamed(error: Error | null, named: Waiting[]): Promise<void> | null {
    const folder = this.pending.named?.(error) ?? '';
    if (folder instanceof Promise) return this.#renamedLater(folder, named);
    this.folder = folder;
    named.push(this);
    return null;
  }

  async #renamedLater(naming: Promise<string>, named: Waiting[]): Promise<void> {
    try {
      this.folder = await naming;
      named.push(this);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Gives it its name. @param told whether it got one; if not, who waits for it knows why. */
  giveName(synced: boolean, told: (isNamed: boolean) => void): void {
    const naming = synced ? this.pending.name() : this.pending.sync().then(() => this.pending.name());
    naming.then(
      (folder) => {
        this.folder = folder;
        told(true);
      },
      (error: unknown) => {
        this.fail(error);
        told(false);
      },
    );
  }
}

/** Gives files their names, so many at a time. @returns those that got one. */
function nameEach(round: readonly Waiting[], synced: boolean): Promise<Waiting[]> {
  const named: Waiting[] = [];
  let next = 0;
  let underWay = 0;
  return new Promise((resolve) => {
    const go = (): void => {
      for (let file = round[next]; file !== undefined && underWay < lanes; file = round[next]) {
        next += 1;
        underWay += 1;
        const one = file;
        one.giveName(synced, (isNamed) => {
          underWay -= 1;
          if (isNamed) named.push(one);
          go();
        });
      }
      if (underWay === 0 && next === round.length) resolve(named);
    };
    go();
  });
}

/** Tells those who wait for the names of a round how it went. */
async function tell(named: readonly Waiting[], failures: ReadonlyMap<string, unknown>): Promise<void> {
  let told = 0;
  for (const file of named) {
    if (failures.has(file.folder)) file.fail(failures.get(file.folder));
    else file.succeed();
    told += 1;
    if (told % toldAtOnce === 0) await turn();
  }
}
