import type { Digest, Listed } from '../../base/digest.ts';
import { possessionScope } from '../../base/generation.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { RunPhase } from '../../runs/run-record.ts';
import { pinnedFiles } from '../generations/pinned-files.ts';
import type { CacheSink } from '../sink.ts';
import type { Audit } from './audit.ts';

/** Files that are hashed at a time. */
const lanes = 4;

/** What is read again of a repository. */
interface Proven {
  readonly path: string;
  readonly document: RepositoryDocument;
}

/**
 * Reads what is held of one repository again, whatever was seen of it before. What is wrong is moved aside and counts
 * as missing from then on, so that the sync that asked for this fetches it again; what is right goes on being served.
 */
export class HeldProof {
  readonly #audit: Pick<Audit, 'check'>;
  readonly #sink: Pick<CacheSink, 'packages'>;

  constructor(parts: { readonly audit: Pick<Audit, 'check'>; readonly sink: Pick<CacheSink, 'packages'> }) {
    this.#audit = parts.audit;
    this.#sink = parts.sink;
  }

  /** The files that its document names itself. @throws WaystationError of a disk that cannot be read; the signal's reason */
  async metadata({ path, document }: Proven, phase: RunPhase, signal: AbortSignal): Promise<void> {
    const files = pinnedFiles(document).map(([, listed]) => listed);
    await this.#all({ path, document }, files.values(), phase, signal);
  }

  /** The packages of a map, those that are held. @throws as `metadata`; `blob_damaged` when the map is */
  async packages(
    { map, ...of }: Proven & { readonly map: Digest },
    phase: RunPhase,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#all(of, listedIn(this.#sink.packages(map)), phase, signal);
  }

  async #all(
    { path, document }: Proven,
    files: Iterator<Listed> | AsyncIterator<Listed>,
    phase: RunPhase,
    signal: AbortSignal,
  ): Promise<void> {
    const lane = async (): Promise<void> => {
      for (;;) {
        signal.throwIfAborted();
        const next = await files.next();
        if (next.done === true) return;
        const listed = next.value;
        phase.expect(1, listed.size);
        const blob = { scope: possessionScope(document.scope, path, listed), listed };
        let read = 0;
        await this.#audit.check(blob, {
          signal,
          onRead: (bytes) => {
            read += bytes;
            phase.read(bytes, 0);
          },
        });
        // What is not held costs no reading, and is dealt with all the same.
        phase.read(Math.max(0, listed.size - read), 0);
        phase.fileDone();
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: lanes }, lane));
    await files.return?.();
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
  }
}

async function* listedIn(packages: AsyncIterable<{ readonly listed: Listed }>): AsyncGenerator<Listed> {
  for await (const { listed } of packages) yield listed;
}
