import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { ManifestReader } from './manifest-reader.ts';
import { RepositoryReader } from './repository-reader.ts';
import type { ReadRequest, ReadResult } from './repository-reader.ts';
import type { Sink } from './sink.ts';

/** Reads repositories of every kind, each by the reader of its content. */
export class ContentReader {
  readonly #readers: Readonly<Record<'rpm' | 'file', RepositoryReader | ManifestReader>>;

  constructor(options: { readonly sink: Sink; readonly clock: Clock; readonly log: Logger }) {
    this.#readers = { rpm: new RepositoryReader(options), file: new ManifestReader(options) };
  }

  /** As `RepositoryReader.read`. */
  read(request: ReadRequest, signal: AbortSignal): Promise<ReadResult> {
    return this.#readers[request.repository.content].read(request, signal);
  }
}
