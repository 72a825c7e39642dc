import type { Clock } from '../../base/clock.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import { forEachBounded } from '../../mirror/bounded.ts';
import type { WantedRepository } from '../../mirror/discovery.ts';
import { ContentReader } from '../../mirror/content-reader.ts';
import { PackageFetcher } from '../../mirror/packages.ts';
import type { Trust } from '../../mirror/signature.ts';
import type { SizingSink } from '../../mirror/sink.ts';
import { TreeFileFetcher } from '../../mirror/tree-files.ts';
import { signed } from '../../protocol/signed.ts';
import { contentOf } from '../../protocol/snapshot.ts';
import type { SnapshotDocument, SnapshotRepository } from '../../protocol/snapshot.ts';
import type { Leases } from '../collection/leases.ts';
import type { Retirements } from '../collection/retirement.ts';
import type { OriginDocuments, OriginSource } from '../content/origins.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import { Gathering } from './gathering.ts';
import type { SnapshotRun } from './snapshot-run.ts';
import type { Snapshots } from './snapshots.ts';

/** Repositories that are read at a time. */
const lanes = 4;

/** Where repositories of a snapshot come from. */
export type SnapshotSource =
  | {
      /** Asks the upstream for its list. */
      readonly discover: (signal: AbortSignal) => Promise<readonly WantedRepository[]>;
      readonly trust: (path: string) => Promise<Trust | null>;
      /** By which it is asked again for what is not fetched now. */
      readonly remembered: OriginSource;
    }
  | { readonly snapshot: string; readonly prefix: string };

export interface CreateRequest {
  readonly name: string;
  readonly policy: SnapshotDocument['policy'];
  readonly sources: readonly SnapshotSource[];
}

export interface CreateParts {
  readonly snapshots: Snapshots;
  readonly origins: OriginDocuments;
  readonly retirements: Pick<Retirements, 'find' | 'undo'>;
  readonly leases: Pick<Leases, 'create'>;
  readonly sink: SizingSink;
  /** Files that an upstream is asked for at a time. */
  readonly slots: number;
  readonly keys: SigningKeys;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Reads sources as a PoP reads its upstreams, proven and into the store, and names what they are together. */
export class SnapshotMaker {
  readonly #parts: CreateParts;
  readonly #reader: ContentReader;
  readonly #packages: PackageFetcher;
  readonly #trees: TreeFileFetcher;

  constructor(parts: CreateParts) {
    this.#parts = parts;
    this.#reader = new ContentReader(parts);
    this.#packages = new PackageFetcher(parts);
    this.#trees = new TreeFileFetcher(parts);
  }

  /**
   * Everything that was brought stays in the store, so a run that failed or was killed is gone on with by the next one.
   * @returns the snapshot and whether it is new; null: something is missing, which the run names, and nothing was made.
   * @throws WaystationError `snapshot_exists` when there is one of that name and other content.
   */
  async create(
    request: CreateRequest,
    run: SnapshotRun,
    signal: AbortSignal,
  ): Promise<{ readonly snapshot: SnapshotDocument; readonly made: boolean } | null> {
    // Files that are found in the store are counted on until the snapshot names them: nothing is collected meanwhile.
    const lease = await this.#parts.leases.create(`the making of snapshot ${request.name}`, signal);
    try {
      const gathered = await this.#read(request, run, signal);
      if (run.failures.count > 0) return null;
      lease.check();
      return await this.#named(request, gathered);
    } finally {
      await lease.end();
    }
  }

  async #named(
    request: CreateRequest,
    gathered: Gathering,
  ): Promise<{ readonly snapshot: SnapshotDocument; readonly made: boolean }> {
    const { snapshots, origins, retirements, keys, clock } = this.#parts;
    const content = { policy: request.policy, repositories: gathered.repositories };
    const snapshot: SnapshotDocument = {
      format: 1,
      name: request.name,
      created: new Date(clock.now()).toISOString(),
      ...content,
      content: contentOf(content),
    };
    const retired = await retirements.find(request.name);
    if (retired !== null && retired.content !== snapshot.content)
      throw new WaystationError(
        'snapshot_exists',
        `there was a snapshot ${request.name} of other content, retired ${retired.at}`,
      );
    // Before the snapshot: whoever sees that knows where its files come from. The same content anew is asked for there.
    await origins.write(gathered.origins(snapshot));
    const made =
      (await snapshots.find(request.name)) === null &&
      (await snapshots.add(request.name, await signed('snapshot', snapshot, keys.signer)));
    const before = made ? snapshot : await snapshots.need(request.name);
    if (before.content === snapshot.content) {
      // Last: until then the name stays taken.
      if (retired !== null) await retirements.undo(request.name);
      return { snapshot: before, made };
    }
    const why = `there is a snapshot ${request.name} of other content, made ${before.created}`;
    throw new WaystationError('snapshot_exists', `${why}: snapshots never change; choose another name`);
  }

  async #read({ policy, sources }: CreateRequest, run: SnapshotRun, signal: AbortSignal): Promise<Gathering> {
    const gathered = new Gathering(policy, run);
    for (const source of sources) {
      if ('snapshot' in source) {
        const other = await this.#parts.snapshots.need(source.snapshot);
        if (policy === 'full' && other.policy !== 'full')
          throw new WaystationError('bad_request', `${other.name} is metadata-only, so nothing full can be made of it`);
        gathered.compose(other, await this.#parts.origins.of(other), source.prefix);
        continue;
      }
      const wanted = await source.discover(signal);
      run.expect(wanted.length);
      await forEachBounded(wanted, lanes, signal, async (repository) => {
        try {
          const trust = await source.trust(repository.path);
          const read = await this.#repository({ repository, trust, policy }, run, signal);
          if (read !== null) gathered.put(repository, read, source.remembered);
        } catch (thrown) {
          signal.throwIfAborted();
          const { code, message } = asWaystationError(thrown);
          run.missing(repository.path, code, message);
        }
        run.repositoryDone();
      });
    }
    return gathered;
  }

  /** null: files are missing, and the run has their names. */
  async #repository(
    of: { readonly repository: WantedRepository; readonly trust: Trust | null; readonly policy: string },
    run: SnapshotRun,
    signal: AbortSignal,
  ): Promise<SnapshotRepository | null> {
    const { repository, trust, policy } = of;
    const asked = { repository, trust, previous: null, thorough: true, progress: run.metadata };
    const { document, packages } = await this.#reader.read(asked, signal);
    const { content, guard, repomd, asc, key, treeinfo, tree, records, map } = document;
    if (policy === 'full' && !(await this.#fetched({ repository, document }, run, signal))) return null;
    const counted = {
      count: packages?.packages ?? 0,
      bytes: packages?.bytes ?? 0,
      unservable: packages?.unservable ?? 0,
    };
    return {
      ...(content !== undefined && { content }),
      guard,
      repomd,
      asc,
      key,
      treeinfo,
      ...(tree !== undefined && { tree }),
      records,
      map,
      packages: counted,
    };
  }

  /**
   * Brings what a repository lists. What its upstream does not have as the `.treeinfo` lists it is warned of and holds
   * nothing back, as in a PoP.
   * @returns whether all is there; if not, the run has the names.
   */
  async #fetched(
    of: { readonly repository: WantedRepository; readonly document: RepositoryDocument },
    run: SnapshotRun,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { path } = of.repository;
    const { map } = of.document;
    const progress = run.packages(path);
    const packages = map === null ? null : await this.#packages.fetch({ ...of, map, progress }, signal);
    const { missing } = await this.#trees.fetch({ ...of, thorough: true, progress }, signal);
    for (const { href, error } of missing) run.missing(`${path}/${href}`, error.code, error.message);
    return missing.length === 0 && (packages?.missingCount ?? 0) === 0;
  }
}
