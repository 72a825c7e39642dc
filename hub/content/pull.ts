import type { Listed } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Loader } from '../../base/transfer.ts';
import type { OpenObject } from '../store/object-store.ts';
import { Lied, provenChunks } from './proven-chunks.ts';
import type { Spool } from './spool.ts';

export interface PullOptions {
  readonly listed: Listed;
  readonly loader: Loader;
  readonly spool: () => Promise<Spool>;
  /** Puts the proven file into the store, for good. @returns false when it cannot: who waits for the file gets it all the same. */
  readonly keep: (spool: Spool) => Promise<boolean>;
  /** Ends it, whoever waits. */
  readonly signal: AbortSignal;
}

/** How it went: `unstored` is given to who waited, and asked for again by the next. */
export type PullResult = 'stored' | 'unstored' | 'failed';

/** One file on its way from its origin, for everybody who asks for it meanwhile. It goes on when they have left. */
export class Pull {
  readonly #options: PullOptions;
  /** The file as the present source gives it; another one after a source that lied. */
  #spool = Promise.withResolvers<Spool>();
  /** Resolves when the file is stored, or given up. Never rejects. */
  readonly done: Promise<PullResult>;

  constructor(options: PullOptions) {
    this.#options = options;
    this.done = this.#run().finally(() => options.loader.done?.());
  }

  /**
   * The file, for one more reader: resolves when there is something to read; null: it is over, and the file is where it
   * was put.
   * @throws WaystationError when no source gives it; the signal's reason.
   */
  async open(signal: AbortSignal): Promise<OpenObject | null> {
    for (;;) {
      const waited = this.#spool;
      const spool = await waited.promise;
      const release = spool.use();
      if (release === null) {
        // Given up before this reader got to it: what came in its place is another try, or why there is none.
        if (waited !== this.#spool) continue;
        return null;
      }
      try {
        await spool.begun(signal);
        const { size } = this.#options.listed;
        return { size, read: (buffer, position, length) => spool.read(buffer, position, length), release };
      } catch (error) {
        release();
        // Nothing was given of what was not right: the next source may have it.
        if (!(error instanceof WaystationError && error.cause instanceof Lied)) throw error;
      }
    }
  }

  async #run(): Promise<PullResult> {
    const { listed, loader, keep, signal } = this.#options;
    this.#spool.promise.catch(() => {});
    for (;;) {
      let spool: Spool | null = null;
      try {
        spool = await this.#options.spool();
        this.#spool.resolve(spool);
        for await (const chunk of provenChunks(listed, loader, signal)) await spool.append(chunk);
        spool.end('proven');
        return (await keep(spool)) ? 'stored' : 'unstored';
      } catch (thrown) {
        const lied = thrown instanceof Lied;
        const why = `${listed.digest}: an origin gave other bytes than its metadata lists`;
        const error = lied ? new WaystationError('upstream_lied', why, { cause: thrown }) : asWaystationError(thrown);
        if (lied || spool !== null) this.#spool = Promise.withResolvers();
        if (!lied) this.#spool.reject(error);
        this.#spool.promise.catch(() => {});
        spool?.end(error);
        if (!lied) return 'failed';
      } finally {
        spool?.release();
      }
    }
  }
}
