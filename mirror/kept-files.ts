import { digestOf } from '../base/digest.ts';
import type { Listed } from '../base/digest.ts';
import { asWaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Sink } from './sink.ts';

/** Small files that a document names and nothing lists: they are what they were when they were first seen. */
export class KeptFiles {
  readonly #sink: Sink;
  readonly #log: Logger;

  constructor(sink: Sink, log: Logger) {
    this.#sink = sink;
    this.#log = log;
  }

  /** Resolves once the bytes are held. */
  async keep(scope: string, bytes: Buffer): Promise<Listed> {
    const listed = { digest: digestOf(bytes), size: bytes.length };
    return (await this.#sink.holds(scope, listed)) ? listed : this.#sink.keep(scope, bytes);
  }

  /** The bytes of a held one; null when they are not there, or not what they should be. */
  async held(scope: string, file: Listed): Promise<Buffer | null> {
    if (!(await this.#sink.holds(scope, file))) return null;
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of this.#sink.read(scope, file)) chunks.push(chunk);
    } catch (thrown) {
      // A damaged copy is fetched again, like one that is not there.
      this.#log.warn({ file: file.digest, reason: asWaystationError(thrown).message }, 'a held file cannot be read');
      return null;
    }
    const bytes = Buffer.concat(chunks);
    return digestOf(bytes) === file.digest ? bytes : null;
  }
}
