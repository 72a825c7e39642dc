import { hexOf } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Place } from '../../cache/served.ts';
import type { Store } from '../../cache/store.ts';
import type { OpenedUnlisted } from '../../cache/unlisted.ts';
import { cacheStatus } from '../../http/cache-status.ts';
import { evaluatePreconditions } from '../../http/conditionals.ts';
import { parseHttpDate } from '../../http/http-date.ts';
import { mediaType } from '../../http/media-types.ts';
import { parseRange, unsatisfiedRange } from '../../http/ranges.ts';
import { sendSegments } from '../../web/body-writer.ts';
import type { Exchange, Exchanges } from './exchange.ts';
import type { ContentPorts } from './ports.ts';
import { sendRanges } from './ranged.ts';
import { refuse } from './refuse.ts';

/** Asked for by every installer, and absent from most repositories: 404 is the normal answer, also offline. */
const optionalProbes = ['images/updates.img', 'images/product.img'];

/** Serves what no metadata lists: `.treeinfo`, images, licences, keys. */
export class UnlistedFiles {
  readonly #store: Store;
  readonly #ports: ContentPorts;
  readonly #exchanges: Exchanges;

  constructor(options: { store: Store; ports: ContentPorts; exchanges: Exchanges }) {
    this.#store = options.store;
    this.#ports = options.ports;
    this.#exchanges = options.exchanges;
  }

  async serve(exchange: Exchange, place: Place, pinned: 'no' | 'generation' | 'date'): Promise<void> {
    const opened = await this.#open(place);
    if (opened === null)
      throw new WaystationError('not_found', `the upstream of ${place.repository.path} has no such file`);
    await this.#send(exchange, place, opened, pinned === 'no' ? 'public, max-age=300' : 'no-store');
  }

  async #open({ repository, file }: Place): Promise<OpenedUnlisted | null> {
    const { path, document } = repository;
    try {
      return await this.#store.unlisted.open({
        repository: path,
        file,
        scope: document.scope,
        supplier: this.#ports.supplier(path),
      });
    } catch (error) {
      const failure = asWaystationError(error);
      if (failure.source === 'origin' && optionalProbes.some((probe) => file === probe || file.endsWith(`/${probe}`)))
        return null;
      throw failure;
    }
  }

  async #send(exchange: Exchange, place: Place, opened: OpenedUnlisted, cacheControl: string): Promise<void> {
    const { source, outcome, digest } = opened;
    const { request, response } = exchange;
    const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
    const etag = digest === null ? null : `"${hexOf(digest)}"`;
    const lastModified = opened.lastModified === null ? null : parseHttpDate(opened.lastModified);
    exchange.outcome = outcome;
    const headers: Record<string, string> = {
      'content-type': mediaType(place.file),
      'cache-control': cacheControl,
      'cache-status': cacheStatus[outcome],
      'x-content-type-options': 'nosniff',
      ...(etag !== null && { etag, 'accept-ranges': 'bytes' }),
      ...(opened.lastModified !== null && { 'last-modified': opened.lastModified }),
    };
    const precondition = evaluatePreconditions(method, request.headers, { etag, lastModified });
    if (precondition.kind !== 'proceed' || method === 'HEAD') {
      source.release();
      exchange.ended(0, false);
      if (method === 'HEAD' && source.size !== null) headers['content-length'] = String(source.size);
      const status = precondition.kind === 'failed' ? 412 : precondition.kind === 'not-modified' ? 304 : 200;
      response.writeHead(status, headers).end();
      return;
    }
    const onHead = (): void => this.#exchanges.headSent(exchange);
    // A file that is on its way cannot promise its bytes under a Range: it is sent whole.
    if (precondition.useRange && digest !== null && source.size !== null) {
      const range = parseRange(request.headers.range, source.size);
      if (range.kind === 'unsatisfiable') {
        source.release();
        return refuse(exchange, new WaystationError('range_not_satisfiable', 'no part of the range is in the file'), {
          'content-range': unsatisfiedRange(source.size),
        });
      }
      if (range.kind === 'ranges') {
        const failure = await sendRanges({
          exchange,
          source,
          ranges: range.ranges,
          size: source.size,
          headers,
          onHead,
        });
        if (failure !== null) throw failure;
        return;
      }
    }
    exchange.sending();
    const result = await sendSegments(response, source, [{ kind: 'range', start: 0, end: source.size ?? Infinity }], {
      onFirstByte: () => {
        onHead();
        response.writeHead(200, source.size === null ? headers : { ...headers, 'content-length': String(source.size) });
      },
    });
    if (result.ended === 'cut' && !response.headersSent)
      throw result.error ?? new WaystationError('internal', 'a body failed');
    exchange.ended(result.bytes, result.ended === 'cut');
  }
}
