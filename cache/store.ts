import type { Clock } from '../base/clock.ts';
import type { Digest } from '../base/digest.ts';
import type { GenerationDocument, RepositoryDocument } from '../base/generation.ts';
import type { Logger } from '../base/log.ts';
import type { Meter } from '../base/metrics.ts';
import type { CacheStatus, ImportReport } from '../base/status.ts';
import { BlobIndex } from './blobs/blob-index.ts';
import { BlobStore } from './blobs/blob-store.ts';
import { Claims } from './blobs/claims.ts';
import type { RunLease } from './blobs/claims.ts';
import { Marks } from './blobs/marks.ts';
import type { Removal } from './blobs/removal.ts';
import { Demand } from './demand/demand.ts';
import { DirectoryLock } from '../disk/directory-lock.ts';
import type { TakeLock } from '../disk/directory-lock.ts';
import { systemDisk } from '../disk/disk.ts';
import type { Disk } from '../disk/disk.ts';
import { Fills } from './fills/fills.ts';
import { Generations } from './generations/generations.ts';
import { HoldingsCounter } from './blobs/holdings.ts';
import type { Holdings } from './blobs/holdings.ts';
import { stateFormats } from './disk/formats.ts';
import type { StateFormats } from './disk/formats.ts';
import { IndexNotes } from './index-notes.ts';
import { Maps } from './maps.ts';
import { Audit } from './upkeep/audit.ts';
import { Census, takeSnapshot } from './upkeep/census.ts';
import { expireParts } from './upkeep/expire-parts.ts';
import { MapRemaker } from './upkeep/remake-maps.ts';
import type { RemakeMap } from './upkeep/remake-maps.ts';
import { removeLeftovers } from './upkeep/leftovers.ts';
import { adoptParts, recoverParts } from './upkeep/recover.ts';
import { watchDisk } from './upkeep/disk-watch.ts';
import { importStore, importTree } from './upkeep/import.ts';
import type { ImportRequest, ImportStore } from './upkeep/import.ts';
import type { ImportWatch } from './upkeep/import-tally.ts';
import type { CompletePart } from './upkeep/recover.ts';
import { References } from './upkeep/references.ts';
import { keepEverything } from './upkeep/rules.ts';
import type { UpkeepRules } from './upkeep/rules.ts';
import { Upkeep } from './upkeep/upkeep.ts';
import { Publication } from './generations/publication.ts';
import { Served } from './generations/served.ts';
import { CacheSink } from './sink.ts';
import { Evictor } from './space/evictor.ts';
import { Room } from './space/room.ts';
import { Space } from './space/space.ts';
import { StoredFiles } from './space/stored-files.ts';
import type { SpaceLimits } from './space/space.ts';
import { cacheStatus, usageOf } from './space/usage.ts';
import type { Usage } from './space/usage.ts';
import { makeStateDirectory, prepareStateDirectory, sayFormat } from './disk/state-directory.ts';
import type { StateDirectory } from './disk/state-directory.ts';
import { Pointers } from './unlisted/pointers.ts';
import { Unlisted } from './unlisted/unlisted.ts';
import { UnlistedFetches } from './unlisted/unlisted-fetch.ts';

type StoreNotes = Pick<IndexNotes, 'get' | 'put' | 'close' | 'inMemory'>;

export interface StoreOptions {
  readonly root: string;
  readonly limits: SpaceLimits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meter: Meter;
  readonly disk?: Disk;
  readonly openTree?: ImportStore['openTree'];
  /** Default: LevelDB below `index/`, which does not go through `disk`. */
  readonly notes?: StoreNotes;
  /** The formats that are known; another table than this version's is for tests of the next one. */
  readonly formats?: StateFormats;
  /** How a lost package map is made again; without it, only by the next read of its repository. */
  readonly remakeMap?: RemakeMap;
  /** What is retired and collected once `upkeep` has begun; without them nothing is. */
  readonly rules?: UpkeepRules;
  /** What an earlier run left is counted once this resolves (default: at once): a service listens first. */
  readonly countAfter?: Promise<void>;
  /** Takes the state directory for this process, once it is there. @throws WaystationError `state_locked` */
  readonly lock: TakeLock;
}

/** The state directory, once it is this process's. */
interface Taken extends StateDirectory {
  readonly generations: Generations;
  /** The last stop was clean. */
  readonly clean: boolean;
  readonly lock: DirectoryLock;
}

/** The PoP's store: its parts put together, and what concerns several of them. */
export class Store {
  readonly blobs: BlobStore;
  readonly fills: Fills;
  readonly generations: Generations;
  readonly served: Served;
  readonly sink: CacheSink;
  readonly unlisted: Unlisted;
  readonly notes: StoreNotes;
  readonly space: Space;
  readonly marks: Marks;
  readonly upkeep: Upkeep;
  readonly publication: Publication;
  readonly stored: StoredFiles;
  readonly demand: Demand;
  readonly #claims: Claims;
  readonly #evictor: Evictor;
  readonly audit: Audit;
  readonly references: References;
  readonly #index: BlobIndex;
  readonly #census: Census;
  readonly #maps: Maps;
  readonly #closing = new AbortController();
  readonly #holdings: HoldingsCounter;
  readonly #clock: Clock;
  readonly #lock: Taken['lock'];
  readonly #importing: ImportStore;
  readonly #repomdServed = new Map<string, number>();
  readonly #watching: Promise<unknown>;
  readonly #parts: Promise<readonly CompletePart[]>;
  readonly #expiring: Promise<void>;
  readonly #remaker: MapRemaker | null;
  readonly #looking: Promise<void>;
  /** Resolves when what an earlier run left has been counted and tidied. */
  readonly recovered: Promise<void>;

  private constructor(options: StoreOptions & { disk: Disk }, taken: Taken) {
    const { disk, clock, log, meter, openTree } = options;
    const { layout, generations, format } = taken;
    this.#clock = clock;
    this.#index = new BlobIndex();
    this.space = new Space({ disk, root: layout.root, limits: options.limits, clock, counting: true });
    this.#lock = taken.lock;
    if (taken.refusal !== null) this.space.failed(taken.refusal);
    const maps = new Maps(disk, layout);
    this.#maps = maps;
    this.blobs = new BlobStore({ disk, layout, index: this.#index, space: this.space, clock, log, meter });
    this.marks = new Marks(this.#index);
    const { space, blobs, marks } = this;
    const claims = new Claims(marks);
    this.#claims = claims;
    const evicting: Removal = {
      remove: (scope, listed) =>
        blobs.remove(scope, listed, () => claims.mayEvict(scope, listed.digest) && !this.fills.uses({ scope, listed })),
    };
    this.#evictor = new Evictor({ index: this.#index, marks, blobs: evicting, space, clock, log, meter });
    const room = new Room({ space, clock, makeRoom: (bytes) => this.#evictor.makeRoom(bytes) });
    this.fills = new Fills({ disk, layout, blobs, space, room, clock, log, meter });
    this.generations = generations;
    this.sink = new CacheSink({ disk, layout, blobs, fills: this.fills, maps, space, room, claims });
    const { sink } = this;
    const { signal } = this.#closing;
    const { remakeMap: remake, rules = keepEverything, countAfter: after = Promise.resolve() } = options;
    const remaker = remake === undefined ? null : new MapRemaker({ maps, sink, remake, rules, clock, log, signal });
    this.#remaker = remaker;
    this.served = new Served(generations, maps, (repository) => remaker?.want(repository));
    this.notes = options.notes ?? new IndexNotes({ disk, layout, log, clock, meter });
    this.demand = new Demand({ notes: this.notes, clock, meter });
    this.audit = new Audit({ disk, layout, blobs, space, log });
    const { sizes } = sink;
    this.references = new References({ generations, maps, sizes, disk, layout, lost: (found) => remaker?.want(found) });
    const pointers = new Pointers(disk, layout);
    const fetches = new UnlistedFetches({ disk, layout, blobs, claims, pointers, space, room, clock, log });
    this.unlisted = new Unlisted({ disk, layout, blobs, fetches, notes: this.notes, clock, log });
    this.#holdings = new HoldingsCounter(maps, this.#index, clock);
    const counted = (): Promise<void> => this.recovered;
    this.stored = new StoredFiles({ index: this.#index, marks, claims, maps, space, counted });
    const holdings: ImportStore['holdings'] = (path, document) => this.holdings(path, document);
    this.#importing = importStore({ disk, layout, blobs, space, generations, maps, counted, holdings, openTree });
    const counting = { disk, layout, index: this.#index, marks, blobs, space, clock, log, after };
    this.#census = new Census(counting, taken.clean);
    const recovery = { disk, layout, space, several: blobs.several, fills: this.fills, clock, log };
    this.#watching = Promise.all([
      this.#evictor.watch(signal),
      watchDisk({ disk, layout, format, generations, lock: taken.lock, space, clock, log }, signal),
    ]);
    this.#parts = recoverParts(recovery);
    this.recovered = this.#parts
      .then(async (complete) => {
        await Promise.all([
          this.#census.run(signal).finally(() => space.counted()),
          adoptParts(complete, this.fills, log, signal),
        ]);
      })
      .catch((error: unknown) => log.error({ error: String(error) }, 'what an earlier run left cannot be counted'))
      .then(() => claims.indexed());
    const collected = { generations, maps, pointers, blobs, marks, claims };
    this.upkeep = new Upkeep({
      ...collected,
      disk,
      layout,
      clock,
      log,
      meter,
      rules,
      lost: (repository) => remaker?.want(repository),
      busy: () => this.fills.active > 0,
      retired: () => this.served.refresh(),
      indexed: this.recovered.then(() => this.#looking),
    });
    this.publication = new Publication({ generations, served: this.served, upkeep: this.upkeep });
    this.#looking = this.#parts.then(() => remaker?.all(generations));
    this.#expiring = this.recovered.then(async () => {
      await Promise.all([expireParts(recovery, signal), this.#census.snapshots(signal)]);
    });
  }

  /** @throws WaystationError `state_format_unknown`, `state_unusable` */
  static async open(options: StoreOptions): Promise<Store> {
    const { root, log, disk = systemDisk, formats = stateFormats } = options;
    await makeStateDirectory(disk, root);
    const lock = await DirectoryLock.take(options.lock, disk, root);
    try {
      const directory = await prepareStateDirectory(disk, root, formats);
      sayFormat(directory, formats, log);
      await removeLeftovers({ disk, layout: directory.layout, log });
      const { layout } = directory;
      const loading = Generations.load(disk, layout, log, options.clock);
      const [generations, clean] = await Promise.all([loading, takeSnapshot({ disk, layout, log })]);
      const store = new Store({ ...options, disk }, { ...directory, generations, clean, lock });
      await store.#parts;
      await store.space.measure();
      return store;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** The newest first, the current one included. */
  kept(subscription: string): readonly GenerationDocument[] {
    return this.generations.kept(subscription);
  }

  current(subscription: string): GenerationDocument | null {
    return this.generations.current(subscription);
  }

  /** As `Publication.publish`. */
  publish(document: GenerationDocument): Promise<void> {
    return this.publication.publish(document);
  }

  /** A sync begins: what it finds or fetches stays at least until it ends. */
  beginRun(subscription: string): RunLease {
    return this.#claims.beginRun(subscription);
  }

  /** Grows when uses noted before are spent: a body in memory notes its next use then. */
  get turn(): number {
    return this.#index.turn;
  }

  /** A client was given this file from memory. */
  used(scope: string, digest: Digest): void {
    this.#index.touch(scope, digest);
  }

  /** A client was given this path's repomd.xml just now. */
  repomdServed(path: string): void {
    this.#repomdServed.set(path, this.#clock.monotonic());
  }

  /** When that was last, in the clock's monotonic milliseconds; null: never since start. */
  repomdServedAt(path: string): number | null {
    return this.#repomdServed.get(path) ?? null;
  }

  holdings(path: string, document: RepositoryDocument): Promise<Holdings> {
    return this.#holdings.of(path, document);
  }

  /** Takes from a tree on this machine what subscriptions list and is missing. @throws as the function of that name. */
  importTree(request: ImportRequest, watch: ImportWatch): Promise<ImportReport> {
    return importTree(this.#importing, request, watch);
  }

  async status(): Promise<Omit<CacheStatus, 'scrub'>> {
    await this.space.measure();
    return cacheStatus(this.space, this.#index, this.marks);
  }

  /** Who holds the bytes of the blobs, and what goes next. */
  get usage(): Usage {
    return usageOf(this.#index, this.marks);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.upkeep.stop();
    await this.fills.close();
    await Promise.all([this.recovered, this.#watching, this.#expiring, this.#looking]);
    await this.#remaker?.idle();
    await this.#census.end();
    this.blobs.close();
    await this.#maps.close();
    await this.demand.close();
    await this.notes.close();
    this.#lock.release();
  }
}
