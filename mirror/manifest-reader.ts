import type { Clock } from '../base/clock.ts';
import type { Digest, Listed } from '../base/digest.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import type { Logger } from '../base/log.ts';
import type { Validators } from '../base/transfer.ts';
import { readWhole } from '../origin/read-whole.ts';
import { manifestHref, readManifest } from '../yum/pulp-manifest.ts';
import { KeptFiles } from './kept-files.ts';
import type { ReadRequest, ReadResult } from './repository-reader.ts';
import { usableValidators } from './repomd-fetch.ts';
import type { MapSummary, Sink } from './sink.ts';

/** Some 500,000 files. Bytes. */
const largestManifest = 64 * 1024 * 1024;

/** A manifest as it was found, held. */
interface Found {
  readonly bytes: Buffer;
  readonly listed: Listed;
  readonly validators: Validators | null;
}

/**
 * Reads repositories of plain files into a sink: `PULP_MANIFEST` is the root, as repomd.xml is of packages, and its map
 * is named by it. Nothing signs it.
 */
export class ManifestReader {
  readonly #sink: Sink;
  readonly #clock: Clock;
  readonly #kept: KeptFiles;

  constructor(options: { readonly sink: Sink; readonly clock: Clock; readonly log: Logger }) {
    this.#sink = options.sink;
    this.#clock = options.clock;
    this.#kept = new KeptFiles(options.sink, options.log);
  }

  /** As `RepositoryReader.read`. */
  async read(request: ReadRequest, signal: AbortSignal): Promise<ReadResult> {
    const { scope, guard } = request.repository;
    if (request.trust !== null)
      throw new WaystationError('signature_missing', `nothing signs ${manifestHref}, and repoGpgCheck asks for it`);
    const { bytes, listed, validators } = await this.#look(request, signal);
    const packages = await ensureManifestMap(this.#sink, listed.digest, bytes);
    const document: RepositoryDocument = {
      content: 'file',
      scope,
      guard,
      repomd: listed,
      asc: null,
      key: null,
      treeinfo: null,
      records: {},
      map: listed.digest,
    };
    const now = this.#clock.now();
    const before = request.previous?.mark?.repomd === listed.digest ? request.previous.mark : null;
    const mark = { repomd: listed.digest, validators, seen: before?.seen ?? now, signatureAsked: now };
    return { document, mark, packages };
  }

  async #look({ repository, previous, thorough }: ReadRequest, signal: AbortSignal): Promise<Found> {
    const { scope, supplier } = repository;
    const document = previous?.document.scope === scope && !thorough ? previous.document : null;
    const held = document?.content === 'file' ? await this.#kept.held(scope, document.repomd) : null;
    const mark = document !== null && previous?.mark?.repomd === document.repomd.digest ? previous.mark : null;
    const validators = held === null ? null : (mark?.validators ?? null);
    const answer = await supplier.get(manifestHref, validators, signal);
    if (answer.kind === 'not-modified') {
      if (held === null || document === null)
        throw new WaystationError('upstream_status', `${manifestHref}: 304 to an unconditional request`);
      return { bytes: held, listed: document.repomd, validators };
    }
    const { etag, lastModified } = answer.transfer;
    const bytes = await readWhole(answer.transfer, largestManifest);
    const usable = usableValidators({ etag, lastModified }, this.#clock.now());
    return { bytes, listed: await this.#kept.keep(scope, bytes), validators: usable };
  }
}

/** The map of a manifest: made, unless there is one. @throws WaystationError that names the file. */
export async function ensureManifestMap(sink: Sink, name: Digest, bytes: Buffer): Promise<MapSummary> {
  const known = await sink.map(name);
  if (known !== null) return known;
  try {
    return await sink.writeMap(name, async (to) => readManifest(bytes.toString(), to));
  } catch (thrown) {
    if (!(thrown instanceof WaystationError)) throw thrown;
    const { code, message } = asWaystationError(thrown);
    throw new WaystationError(code, `${manifestHref}: ${message}`, { cause: thrown });
  }
}
