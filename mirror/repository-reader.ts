import type { Clock } from '../base/clock.ts';
import type { Digest } from '../base/digest.ts';
import { digestOf } from '../base/digest.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import type { Logger } from '../base/log.ts';
import type { Validators } from '../base/transfer.ts';
import { parseRepomd } from '../yum/repomd.ts';
import type { WantedRepository } from './discovery.ts';
import { KeptFiles } from './kept-files.ts';
import { ensureMap } from './package-map.ts';
import type { ReadProgress } from './progress.ts';
import { ensureRecords } from './records.ts';
import { fetchRepomd } from './repomd-fetch.ts';
import type { SignatureFiles, Trust } from './signature.ts';
import { fetchSignatureFiles, SignatureCheck } from './signature.ts';
import type { MapSummary, Sink } from './sink.ts';
import { TreeReader } from './tree-reader.ts';
import type { TreeMark, TreeRead } from './tree-reader.ts';

/** What is remembered of a repository's upstream, so that asking again is cheap. Losing it costs only requests. */
export interface UpstreamMark {
  /** The repomd.xml that the rest is about. */
  readonly repomd: Digest;
  readonly validators: Validators | null;
  /** Wall clock: when this repomd.xml was first seen, and when its signature and key were last asked for. */
  readonly seen: number;
  readonly signatureAsked: number;
  /** Absent: no `.treeinfo` was asked for yet. */
  readonly treeinfo?: TreeMark;
}

export interface ReadRequest {
  readonly repository: WantedRepository;
  /** Non-null: the repomd.xml must be signed by one of these keys. */
  readonly trust: Trust | null;
  /** The result of the last read that succeeded, if any. */
  readonly previous: { readonly document: RepositoryDocument; readonly mark: UpstreamMark | null } | null;
  /** Believe nothing that was seen before: no conditional request, the signature too. */
  readonly thorough: boolean;
  /** Make again what is made of the metadata, although it is there. */
  readonly afresh?: boolean;
  readonly progress: ReadProgress;
}

export interface ReadResult {
  readonly document: RepositoryDocument;
  readonly mark: UpstreamMark;
  /** null: the repository has no primary record. */
  readonly packages: MapSummary | null;
}

/** An upstream in the midst of a change looks like this; then its repomd.xml is read once more. */
const torn: ReadonlySet<string> = new Set([
  'record_mismatch',
  'upstream_missing',
  'upstream_lied',
  'signature_missing',
  'signature_invalid',
]);
/** A signature often comes some time after its repomd.xml: for so long it is asked for at each read, later hourly. */
const signatureFollows = 10 * 60_000;
const signatureEvery = 60 * 60_000;

/** One look at repomd.xml: its bytes, and what is to be remembered of it. */
interface Seen {
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly validators: Validators | null;
  /** The previous document, if it was made from this very repomd.xml under this scope. */
  readonly same: RepositoryDocument | null;
}

/** The failure of a read that a changing upstream may have caused. */
interface Torn {
  /** null: no repomd.xml was accepted. */
  readonly digest: Digest | null;
  readonly error: WaystationError;
}

/**
 * Reads repositories into a sink, one at a time and proven: repomd.xml with its signature and key, every record, and
 * the package map of its primary. What was fetched before a failure stays in the sink, so a repeated read goes on.
 */
export class RepositoryReader {
  readonly #sink: Sink;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #signatures = new SignatureCheck();
  readonly #kept: KeptFiles;
  readonly #trees: TreeReader;

  constructor(options: { readonly sink: Sink; readonly clock: Clock; readonly log: Logger }) {
    this.#sink = options.sink;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#kept = new KeptFiles(options.sink, options.log);
    this.#trees = new TreeReader({ ...options, kept: this.#kept });
  }

  /**
   * @returns the repository as its upstream shows it now. When that is what it showed before, the document equals the
   * previous one and nothing was fetched that is held.
   * @throws WaystationError that says which file, and why.
   */
  async read(request: ReadRequest, signal: AbortSignal): Promise<ReadResult> {
    const first = await this.#attempt(request, null, signal);
    if (!('error' in first)) return first;
    const second = await this.#attempt({ ...request, thorough: true }, first, signal);
    if ('error' in second) throw second.error;
    return second;
  }

  async #attempt(request: ReadRequest, before: Torn | null, signal: AbortSignal): Promise<ReadResult | Torn> {
    let seen: Seen | null = null;
    try {
      seen = await this.#look(request, signal);
      const repomd = parseRepomd(seen.bytes);
      // The same repomd.xml again: its records are not changing, they are wrong.
      if (before?.digest === seen.digest && !before.error.code.startsWith('signature')) return before;
      const signature = await this.#signature(request, seen, signal);
      const { path, scope, guard, supplier } = request.repository;
      const { progress, afresh = false } = request;
      const records = await ensureRecords({ sink: this.#sink, path, scope, supplier, repomd, progress, signal });
      const map = await ensureMap({ sink: this.#sink, path, scope, repomd, afresh, log: this.#log, signal });
      const { treeinfo, tree, mark } = await this.#tree(request, seen, signal);
      const document: RepositoryDocument = {
        scope,
        guard,
        repomd: await this.#kept.keep(scope, seen.bytes),
        asc: signature.asc && (await this.#kept.keep(scope, signature.asc)),
        key: signature.key && (await this.#kept.keep(scope, signature.key)),
        treeinfo,
        ...(tree !== null && { tree }),
        records,
        map: map.name,
      };
      const marked = { ...this.#mark(request, seen, signature.asked), treeinfo: mark };
      return { document, mark: marked, packages: map.summary };
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asWaystationError(thrown);
      if (!torn.has(error.code) || (seen === null && error.code === 'upstream_missing')) throw error;
      return { digest: seen?.digest ?? null, error };
    }
  }

  async #look(request: ReadRequest, signal: AbortSignal): Promise<Seen> {
    const { supplier, scope } = request.repository;
    const document = request.previous?.document.scope === scope ? request.previous.document : null;
    const mark =
      document !== null && request.previous?.mark?.repomd === document.repomd.digest ? request.previous.mark : null;
    const held = document === null || request.thorough ? null : await this.#kept.held(scope, document.repomd);
    const validators = held === null ? null : (mark?.validators ?? null);
    const answer = await fetchRepomd({ supplier, validators, now: this.#clock.now(), signal });
    if (answer.kind === 'found') {
      const digest = digestOf(answer.bytes);
      const same = document?.repomd.digest === digest ? document : null;
      return { bytes: answer.bytes, digest, validators: answer.validators, same };
    }
    if (held === null || document === null) {
      throw new WaystationError('upstream_status', 'repodata/repomd.xml: 304 to an unconditional request');
    }
    return { bytes: held, digest: document.repomd.digest, validators, same: document };
  }

  #tree(request: ReadRequest, seen: Seen, signal: AbortSignal): Promise<TreeRead> {
    const { repository, previous, thorough } = request;
    const before = previous?.document.scope === repository.scope ? previous : null;
    const mark = before?.mark ?? null;
    const young = mark !== null && this.#clock.now() - mark.seen < signatureFollows;
    const change = seen.same === null || mark?.repomd !== seen.digest ? 'now' : young ? 'lately' : null;
    const of = { repository, previous: before?.document ?? null, mark: mark?.treeinfo ?? null };
    return this.#trees.read({ ...of, change, thorough }, signal);
  }

  async #signature(
    request: ReadRequest,
    seen: Seen,
    signal: AbortSignal,
  ): Promise<SignatureFiles & { asked: boolean }> {
    const { path, scope, supplier } = request.repository;
    const before = request.previous?.document ?? null;
    const known = { asc: before !== null && before.asc !== null, key: before !== null && before.key !== null };
    const files = (await this.#heldSignature(request, seen, scope)) ?? {
      ...(await fetchSignatureFiles(supplier, known, signal)),
      asked: true,
    };
    const { trust } = request;
    const now = this.#clock.now();
    if (trust !== null) await this.#signatures.verify({ path, repomd: seen.bytes, asc: files.asc, trust, now });
    return files;
  }

  /** The signature as it was, null when it has to be asked for. */
  async #heldSignature(
    request: ReadRequest,
    seen: Seen,
    scope: string,
  ): Promise<(SignatureFiles & { asked: boolean }) | null> {
    const mark = request.previous?.mark ?? null;
    if (request.thorough || seen.same === null || mark?.repomd !== seen.digest) return null;
    const now = this.#clock.now();
    const recent = now - mark.seen < signatureFollows || now - mark.signatureAsked >= signatureEvery;
    if (recent) return null;
    const [asc, key] = await Promise.all(
      [seen.same.asc, seen.same.key].map(async (file) => file && this.#kept.held(scope, file)),
    );
    if ((seen.same.asc !== null && !asc) || (seen.same.key !== null && !key)) return null;
    return { asc: asc ?? null, key: key ?? null, asked: false };
  }

  #mark(request: ReadRequest, seen: Seen, asked: boolean): UpstreamMark {
    const now = this.#clock.now();
    const mark = request.previous?.mark?.repomd === seen.digest ? request.previous.mark : null;
    return {
      repomd: seen.digest,
      validators: seen.validators,
      seen: mark?.seen ?? now,
      signatureAsked: asked ? now : (mark?.signatureAsked ?? now),
    };
  }
}
