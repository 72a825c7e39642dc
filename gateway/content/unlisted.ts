import { hexOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Place } from '../../cache/generations/served.ts';
import type { Store } from '../../cache/store.ts';
import type { OpenedUnlisted } from '../../cache/unlisted/unlisted.ts';
import { cacheStatus } from '../../http/cache-status.ts';
import { evaluatePreconditions } from '../../http/conditionals.ts';
import type { Precondition } from '../../http/conditionals.ts';
import { parseHttpDate } from '../../http/http-date.ts';
import { mediaType } from '../../http/media-types.ts';
import { parseRange, unsatisfiedRange } from '../../http/ranges.ts';
import { sendFile } from '../../web/file-body.ts';
import type { Exchanges } from './exchange.ts';
import type { Exchange } from '../../web/exchange.ts';
import type { ContentPorts } from './ports.ts';
import { refuse } from '../../web/refuse.ts';

/** Asked for by every installer, and absent from most repositories: 404 is the normal answer, also offline. */
const optionalProbes = ['images/updates.img', 'images/product.img'];
/** What an installer waits for an upstream that does not answer whether there is one. Milliseconds. */
const probeBudget = 3_000;

export interface UnlistedAsked {
  readonly pinned: 'no' | 'generation' | 'date';
  /** What the bytes must have; absent: nobody knows. */
  readonly expected?: Digest;
}

/** Serves what no metadata lists: licences, keys, `.discinfo`. */
export class UnlistedFiles {
  readonly #store: Store;
  readonly #ports: ContentPorts;
  readonly #exchanges: Exchanges;

  constructor(options: { store: Store; ports: ContentPorts; exchanges: Exchanges }) {
    this.#store = options.store;
    this.#ports = options.ports;
    this.#exchanges = options.exchanges;
  }

  async serve(exchange: Exchange, place: Place, { pinned, expected }: UnlistedAsked): Promise<void> {
    const opened = await this.#open(place, expected);
    if (opened === null)
      throw new WaystationError('not_found', `the upstream of ${place.repository.path} has no such file`);
    await this.#send(exchange, place, opened, pinned === 'no' ? 'public, max-age=300' : 'no-store');
  }

  async #open(place: Place, expected?: Digest): Promise<OpenedUnlisted | null> {
    const { repository, file } = place;
    const { path, document } = repository;
    const optional = optionalProbes.some((probe) => file === probe || file.endsWith(`/${probe}`));
    const opening = this.#store.unlisted.open({
      repository: path,
      file,
      scope: document.scope,
      supplier: this.#ports.supplier(path, document.scope),
      expected: expected ?? null,
    });
    try {
      return await (optional ? soon(opening) : opening);
    } catch (error) {
      const failure = asWaystationError(error);
      if (optional && failure.source === 'origin') return null;
      throw failure;
    }
  }

  async #send(exchange: Exchange, place: Place, opened: OpenedUnlisted, cacheControl: string): Promise<void> {
    const { source, outcome } = opened;
    const { request } = exchange;
    const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
    const headers = headersOf(place, opened, cacheControl);
    const lastModified = opened.lastModified === null ? null : parseHttpDate(opened.lastModified);
    const precondition = evaluatePreconditions(method, request.headers, { etag: headers.etag ?? null, lastModified });
    if (precondition.kind !== 'proceed' || method === 'HEAD') {
      this.#headOnly(exchange, opened, headers, precondition.kind);
      return;
    }
    // A file that is on its way cannot promise its bytes under a Range: it is sent whole.
    const ranged = precondition.useRange && opened.digest !== null && source.size !== null;
    const range = parseRange(ranged ? request.headers.range : undefined, source.size ?? 0);
    if (range.kind === 'unsatisfiable') {
      source.release();
      refuse(exchange, new WaystationError('range_not_satisfiable', 'no part of the range is in the file'), {
        'content-range': unsatisfiedRange(source.size ?? 0),
      });
      return;
    }
    const onHead = (): void => this.#exchanges.headSent(exchange);
    const failure = await sendFile({ exchange, outcome, source, range, headers, onHead });
    if (failure !== null) throw failure;
  }

  #headOnly(
    exchange: Exchange,
    opened: OpenedUnlisted,
    headers: Record<string, string>,
    kind: Precondition['kind'],
  ): void {
    const { source } = opened;
    const status = kind === 'failed' ? 412 : kind === 'not-modified' ? 304 : 200;
    exchange.outcome = status === 412 ? 'invalid' : opened.outcome;
    exchange.ended(0, false);
    source.release();
    const length = status === 412 ? 0 : status === 200 ? source.size : null;
    this.#exchanges.headSent(exchange);
    exchange.response
      .writeHead(status, length === null ? headers : { ...headers, 'content-length': String(length) })
      .end();
  }
}

function headersOf(
  place: Place,
  { outcome, digest, lastModified }: OpenedUnlisted,
  cacheControl: string,
): Record<string, string> {
  return {
    'content-type': mediaType(place.file),
    'cache-control': cacheControl,
    'cache-status': cacheStatus[outcome],
    'x-content-type-options': 'nosniff',
    ...(digest !== null && { etag: `"${hexOf(digest)}"`, 'accept-ranges': 'bytes' }),
    ...(lastModified !== null && { 'last-modified': lastModified }),
  };
}

/** What was opened within the probe's budget, else null; what comes later is given up. */
async function soon(opening: Promise<OpenedUnlisted | null>): Promise<OpenedUnlisted | null> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => resolve('late'), probeBudget);
  const opened = await Promise.race([opening, late]).finally(() => clearTimeout(timer));
  if (opened !== 'late') return opened;
  void opening.then(
    (unwanted) => unwanted?.source.release(),
    () => {},
  );
  return null;
}
