import type { Clock } from '../base/clock.ts';
import type { Digest } from '../base/digest.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { possessionScope } from '../base/generation.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import type { Logger } from '../base/log.ts';
import { openSized } from '../base/transfer.ts';
import { arrivedBy, tellingArrivals } from './arrivals.ts';
import { forEachBounded } from './bounded.ts';
import type { WantedRepository } from './discovery.ts';
import { nothingDenied } from './packages.ts';
import type { Denied, MissingPackage } from './packages.ts';
import type { ReadProgress } from './progress.ts';
import type { SizingSink } from './sink.ts';

/** Files of one tree that are fetched at a time. */
const lanes = 2;
/** What the upstream's tree itself is wrong about is not fetched again for so long. Milliseconds. */
const wrongFor = 60 * 60_000;
/** Larger files are none of a tree. Bytes. */
const largestFile = 64 * 1024 ** 3;
/** The tree lists what its upstream does not have, or not so: that is nothing to wait for. */
const treesFault: ReadonlySet<ErrorCode> = new Set(['upstream_missing', 'upstream_lied', 'upstream_too_large']);

export interface TreeFilesRequest {
  readonly repository: WantedRepository;
  /** What was proven of it. */
  readonly document: RepositoryDocument;
  /** Somebody asked for it now: what was wrong lately is tried again. */
  readonly thorough: boolean;
  readonly progress: ReadProgress;
}

export interface TreeFilesResult {
  /** What cannot be had now, and may be later. */
  readonly missing: readonly MissingPackage[];
  /** What the upstream does not have as its `.treeinfo` says. */
  readonly wrong: readonly MissingPackage[];
}

/** Brings the files of installation trees into the sink. Their sizes are what the upstream says; digests prove them. */
export class TreeFileFetcher {
  readonly #sink: SizingSink;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #denied: Denied;
  /** What was wrong lately: repository and digest → the error, and until when it counts (monotonic). */
  readonly #wrong = new Map<string, { readonly error: WaystationError; readonly until: number }>();

  constructor(options: {
    readonly sink: SizingSink;
    readonly clock: Clock;
    readonly log: Logger;
    readonly denied?: Denied;
  }) {
    this.#denied = options.denied ?? nothingDenied;
    this.#sink = options.sink;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /**
   * Goes through all of them: one that cannot be had does not stop the others.
   * @throws WaystationError when the disk takes no more; the signal's reason.
   */
  async fetch(request: TreeFilesRequest, signal: AbortSignal): Promise<TreeFilesResult> {
    const files = Object.entries(request.document.tree?.files ?? {});
    const missing: MissingPackage[] = [];
    const wrong: MissingPackage[] = [];
    await forEachBounded(files, lanes, signal, async ([href, digest], ending) => {
      const error = await this.#one(request, href, digest, ending);
      if (error !== null) (treesFault.has(error.code) ? wrong : missing).push({ href, error });
    });
    return { missing, wrong };
  }

  /** @returns why it is not held. */
  async #one(
    request: TreeFilesRequest,
    href: string,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<WaystationError | null> {
    const { repository, document, thorough } = request;
    if (this.#denied(digest)) return null;
    const scope = possessionScope(document.scope, repository.path, { digest });
    const key = `${repository.path}\n${href}\n${digest}`;
    const size = await this.#sink.size(scope, digest);
    if (size !== null && (await this.#sink.holds(scope, { digest, size }))) return null;
    const known = this.#wrong.get(key);
    if (!thorough && known !== undefined && this.#clock.monotonic() < known.until) return known.error;
    try {
      await this.#fetch(request, { href, digest, scope }, signal);
      this.#wrong.delete(key);
      return null;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asWaystationError(thrown);
      if (error.source === 'disk') throw error;
      if (treesFault.has(error.code)) this.#found(key, { path: repository.path, href }, error);
      return error;
    }
  }

  async #fetch(
    { repository, progress }: TreeFilesRequest,
    { href, digest, scope }: { readonly href: string; readonly digest: Digest; readonly scope: string },
    signal: AbortSignal,
  ): Promise<void> {
    const sized = await openSized(repository.supplier.loader(href, 'background', digest), signal);
    try {
      const size = sized.size ?? (await countedSize(repository, { href, digest }, signal));
      const listed = { digest, size };
      progress.expected(1, size);
      const loader = tellingArrivals(sized.loader, size, progress);
      await this.#sink.ensure(scope, listed, loader, signal);
      progress.done(size, true, arrivedBy(loader));
    } finally {
      sized.cancel();
    }
  }

  #found(key: string, file: { readonly path: string; readonly href: string }, error: WaystationError): void {
    const isNew = this.#wrong.get(key)?.error.code !== error.code;
    if (this.#wrong.size > 10_000) this.#wrong.clear();
    this.#wrong.set(key, { error, until: this.#clock.monotonic() + wrongFor });
    const fields = { ...file, code: error.code, reason: error.message };
    if (isNew) this.#log.warn(fields, 'the upstream does not have a file as its .treeinfo lists it');
  }
}

/** The size of a file whose upstream does not say it in advance: it has to be seen once. Bytes. */
export async function countedSize(
  { supplier }: WantedRepository,
  { href, digest }: { readonly href: string; readonly digest: Digest },
  signal: AbortSignal,
): Promise<number> {
  const loader = supplier.loader(href, 'background', digest);
  let size = 0;
  try {
    const transfer = await loader.open(0, signal);
    await transfer.consume((chunk) => {
      size += chunk.length;
      if (size > largestFile) throw new WaystationError('upstream_too_large', `${transfer.source} does not end`);
    });
  } finally {
    loader.done?.();
  }
  return size;
}
