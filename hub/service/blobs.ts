import { algorithmOf, hexOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { cacheStatus } from '../../http/cache-status.ts';
import { keysOf } from '../store/layout.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Visit } from './accounts.ts';
import { answerFile } from './answer-file.ts';
import type { SizedSource } from './answer-file.ts';
import type { Origins, WantedFile } from './ports.ts';
import { inMemory, smallFile, wholeOf } from './small-files.ts';
import type { SmallFiles } from './small-files.ts';

export interface BlobsOptions {
  readonly store: Pick<ObjectStore, 'open'>;
  readonly origins: Origins;
  readonly small: SmallFiles;
}

/** Gives files by the digest that metadata lists: small ones from memory, others by pooled reads of the store. */
export class Blobs {
  readonly #store: Pick<ObjectStore, 'open'>;
  readonly #origins: Origins;
  readonly #small: SmallFiles;

  constructor({ store, origins, small }: BlobsOptions) {
    this.#store = store;
    this.#origins = origins;
    this.#small = small;
  }

  /** Answers with a small file at hand, asked for as a whole. @returns false when it is none. */
  serveAtHand({ exchange }: Visit, digest: Digest): boolean {
    const { request, response } = exchange;
    if (request.method !== 'GET' || isConditional(request.headers)) return false;
    const known = this.#small.get(digest);
    if (known === undefined) return false;
    exchange.outcome = 'hit';
    exchange.ended(known.body.length, false);
    response.writeHead(200, known.head as string[]);
    response.end(known.body);
    return true;
  }

  /** @throws WaystationError `not_found` when the hub cannot have it; what the store or an origin throws. */
  async serve({ exchange }: Visit, wanted: WantedFile): Promise<void> {
    const headers = headersOf(wanted.digest);
    const held = await this.#held(wanted.digest, headers);
    if (held !== null) return answerFile(exchange, held, headers);
    const leaving = new AbortController();
    exchange.response.once('close', () => leaving.abort(new WaystationError('cancelled', 'the PoP has left')));
    const had = await this.#origins.open(wanted, leaving.signal);
    if (had === null) throw new WaystationError('not_found', `this hub cannot have ${wanted.digest}${hint(wanted)}`);
    await answerFile(exchange, had, { ...headers, 'cache-status': cacheStatus.miss }, 'miss');
  }

  /** A small file is read as a whole, and remembered for the next one who asks. */
  async #held(digest: Digest, headers: Readonly<Record<string, string>>): Promise<SizedSource | null> {
    const known = this.#small.get(digest);
    if (known !== undefined) return inMemory(known.body);
    const held = isForgeable(digest) ? null : await this.#store.open(keysOf.blob(digest));
    if (held === null || held.size > smallFile) return held;
    const body = await wholeOf(held);
    this.#small.set(digest, body, headers);
    return inMemory(body);
  }
}

/** Another file may be made to look like this one: who asks has to say where it is listed. */
function isForgeable(digest: Digest): boolean {
  const algorithm = algorithmOf(digest);
  return algorithm === 'md5' || algorithm === 'sha1';
}

function hint({ digest, listed }: WantedFile): string {
  const needed = listed === null && isForgeable(digest);
  return needed ? ': ask with snapshot, path and href, since such a digest can be forged' : '';
}

function isConditional(headers: Readonly<Record<string, unknown>>): boolean {
  return ['range', 'if-none-match', 'if-match'].some((name) => headers[name] !== undefined);
}

function headersOf(digest: Digest): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    etag: `"${hexOf(digest)}"`,
    'accept-ranges': 'bytes',
    'cache-control': 'private, max-age=31536000, immutable',
    'cache-status': cacheStatus.hit,
    'x-content-type-options': 'nosniff',
  };
}
