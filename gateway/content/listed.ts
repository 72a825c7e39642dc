import type { ByteSource } from '../../base/body.ts';
import { hexOf } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { possessionScope } from '../../base/generation.ts';
import type { Outcome } from '../../base/outcome.ts';
import type { Loader } from '../../base/transfer.ts';
import type { Use } from '../../cache/demand/names-in-demand.ts';
import type { SingleRange } from '../../cache/fills/slices.ts';
import type { Found, Place } from '../../cache/generations/served.ts';
import type { Store } from '../../cache/store.ts';
import { cacheStatus } from '../../http/cache-status.ts';
import { evaluatePreconditions } from '../../http/conditionals.ts';
import { mediaType } from '../../http/media-types.ts';
import { parseRange, unsatisfiedRange } from '../../http/ranges.ts';
import type { ByteRange } from '../../http/ranges.ts';
import { sendFile } from '../../web/file-body.ts';
import type { BodyAnswer } from '../../web/file-body.ts';
import { packageFile } from '../../yum/package-file.ts';
import { objectionToFile } from './access.ts';
import type { Exchanges } from './exchange.ts';
import type { Exchange } from '../../web/exchange.ts';
import { hotLimit, sendHot } from './hot-lane.ts';
import type { HotLane } from './hot-lane.ts';
import type { ContentPorts } from './ports.ts';
import { refuse } from '../../web/refuse.ts';

type ListedFound = Extract<Found, { kind: 'listed' }>;

type Sendable = BodyAnswer['range'];

/** One listed file that a request asks for. */
interface Wanted {
  readonly found: ListedFound;
  /** As its repository names it: where it comes from, and what its type is. */
  readonly href: string;
  readonly scope: string;
  readonly cacheControl: string;
  /** repomd.xml or its signature, of whatever generation is current: what the upstream may have news of. */
  readonly current: boolean;
  /** Clients begin here, in whatever generation is current: what they go on with should belong to it. */
  readonly begins: boolean;
  /** The epoch of the served view that found it, null: the answer may not be remembered under this request's target. */
  readonly epoch: number | null;
  readonly loader: (() => Loader) | null;
}

/** What a request asks for, as metadata has it. */
export interface ListedRequest {
  readonly place: Place;
  readonly found: ListedFound;
  readonly pinned: 'no' | 'generation' | 'date';
  /** Of the served view, before anything was looked up in it: a flip meanwhile makes the answer one of the past. */
  readonly epoch: number;
  /** The tries for the file, where some have begun; default: anew. */
  readonly loader?: () => Loader;
}

/** Serves what pinned metadata lists: held, or filled while it is sent. The same bytes and headers either way. */
export class ListedFiles {
  readonly #store: Store;
  readonly #ports: ContentPorts;
  readonly #hot: HotLane;
  readonly #exchanges: Exchanges;

  constructor(options: { store: Store; ports: ContentPorts; hot: HotLane; exchanges: Exchanges }) {
    this.#store = options.store;
    this.#ports = options.ports;
    this.#hot = options.hot;
    this.#exchanges = options.exchanges;
  }

  async serve(exchange: Exchange, { place, found, pinned, epoch, loader }: ListedRequest): Promise<void> {
    const { repository, listed } = found;
    const objection = objectionToFile(listed.digest, this.#ports);
    if (objection !== null) throw objection;
    const wanted: Wanted = {
      found,
      href: place.file,
      scope: possessionScope(repository.document.scope, repository.path, listed),
      cacheControl: cacheControl(found, pinned),
      current: found.pinned === 'repomd' && pinned === 'no',
      begins: found.pinned !== 'file' && pinned === 'no',
      epoch: pinned === 'date' ? null : epoch,
      loader: loader ?? null,
    };
    const method = exchange.request.method === 'HEAD' ? 'HEAD' : 'GET';
    const etag = `"${hexOf(listed.digest)}"`;
    const precondition = evaluatePreconditions(method, exchange.request.headers, { etag, lastModified: null });
    if (precondition.kind === 'failed') return this.#headOnly(exchange, wanted, 412);
    if (precondition.kind === 'not-modified') return this.#headOnly(exchange, wanted, 304);
    if (method === 'HEAD') return this.#headOnly(exchange, wanted, 200);
    if (wanted.begins) this.#store.repomdServed(repository.path);
    const range = parseRange(precondition.useRange ? exchange.request.headers.range : undefined, listed.size);
    if (range.kind === 'unsatisfiable') {
      return refuse(exchange, new WaystationError('range_not_satisfiable', 'no part of the range is in the file'), {
        'content-range': unsatisfiedRange(listed.size),
      });
    }
    await this.#body(exchange, wanted, range);
  }

  async #body(exchange: Exchange, wanted: Wanted, range: Sendable): Promise<void> {
    const { listed } = wanted.found;
    const held = await this.#store.blobs.open(wanted.scope, listed);
    if (held === null) return this.#fill(exchange, wanted, range);
    this.#store.demand.prefetched.asked(listed.digest);
    const outcome = this.#heldOutcome(wanted);
    if (range.kind === 'whole' && listed.size <= hotLimit) {
      const body = await readWhole(held, listed.size);
      if (body !== null) return this.#whole(exchange, wanted, outcome, body);
    } else if ((await this.#send(exchange, wanted, { outcome, source: held }, range)) === null) {
      this.#served(wanted);
      return;
    }
    // No byte has left: a file that turned out damaged is fetched as if it had never been there.
    await this.#store.blobs.distrust(wanted.scope, listed);
    await this.#fill(exchange, wanted, range);
  }

  async #fill(exchange: Exchange, wanted: Wanted, range: Sendable): Promise<void> {
    const { found, scope, href, loader } = wanted;
    const supplier = this.#ports.supplier(found.repository.path, found.repository.document.scope);
    if (supplier === null) {
      throw new WaystationError(
        'upstream_unreachable',
        `${found.repository.path} has no upstream any more, and this file was never fetched`,
      );
    }
    const start = range.kind === 'ranges' ? Math.min(...range.ranges.map((part) => part.start)) : 0;
    const { source, outcome } = await this.#store.fills.open(
      { scope, listed: found.listed, loader: loader ?? (() => supplier.loader(href, 'client', found.listed.digest)) },
      start,
      singleRange(range, (slice) => supplier.slice(href, { ...slice, total: found.listed.size }, found.listed.digest)),
    );
    const failure = await this.#send(exchange, wanted, { outcome, source }, range);
    if (failure !== null) throw failure;
    this.#served(wanted);
  }

  /** A small file, whole in memory: sent, and remembered with its head. */
  #whole(exchange: Exchange, wanted: Wanted, outcome: Outcome, body: Buffer): void {
    const { found, current, begins, epoch } = wanted;
    const { target } = exchange;
    const use = this.#served(wanted);
    const headers = flat({ ...this.#headers(wanted, outcome), 'content-length': String(body.length) });
    if (epoch !== null) {
      const fresh = flat({ ...this.#headers(wanted, 'hit'), 'content-length': String(body.length) });
      const stale = flat({ ...this.#headers(wanted, 'stale'), 'content-length': String(body.length) });
      this.#hot.set(target, {
        headers: fresh,
        staleHeaders: current ? stale : null,
        body,
        repomdOf: begins ? found.repository.path : null,
        epoch,
        scope: wanted.scope,
        digest: found.listed.digest,
        use,
        turn: -1,
      });
    }
    exchange.outcome = outcome;
    exchange.ended(body.length, false);
    this.#exchanges.headSent(exchange);
    sendHot(exchange.response, headers, body);
  }

  /** Counts that a package was served. @returns where the next time is to be counted; null: it is no package. */
  #served({ found, href }: Wanted): Use | null {
    const file = found.pinned === 'file' ? packageFile(href) : null;
    const use = file === null ? null : this.#store.demand.use(found.repository.path, file.nameArch);
    if (use !== null) use.uses += 1;
    return use;
  }

  /** @returns why the source failed before anything was sent, the response untouched; null when it was answered. */
  #send(
    exchange: Exchange,
    wanted: Wanted,
    held: { outcome: Outcome; source: ByteSource },
    range: Sendable,
  ): Promise<WaystationError | null> {
    const headers = this.#headers(wanted, held.outcome);
    return sendFile({ exchange, ...held, range, headers, onHead: () => this.#exchanges.headSent(exchange) });
  }

  async #headOnly(exchange: Exchange, wanted: Wanted, status: 200 | 304 | 412): Promise<void> {
    const { listed } = wanted.found;
    const held = await this.#store.blobs.holds(wanted.scope, listed);
    exchange.outcome = status === 412 ? 'invalid' : held ? this.#heldOutcome(wanted) : 'miss';
    const headers = this.#headers(wanted, exchange.outcome);
    exchange.ended(0, false);
    this.#exchanges.headSent(exchange);
    if (status === 200) headers['content-length'] = String(listed.size);
    if (status !== 200) delete headers['content-type'];
    if (status === 412) headers['content-length'] = '0';
    exchange.response.writeHead(status, headers).end();
  }

  #heldOutcome({ found, current }: Wanted): Outcome {
    return current && this.#ports.stale(found.repository.path) ? 'stale' : 'hit';
  }

  #headers(wanted: Wanted, outcome: Outcome): Record<string, string> {
    return {
      'content-type': mediaType(wanted.href),
      etag: `"${hexOf(wanted.found.listed.digest)}"`,
      'accept-ranges': 'bytes',
      'cache-control': wanted.cacheControl,
      'cache-status': cacheStatus[outcome],
      'x-content-type-options': 'nosniff',
    };
  }
}

function cacheControl(found: ListedFound, pinned: 'no' | 'generation' | 'date'): string {
  if (pinned === 'generation') return 'public, max-age=31536000, immutable';
  return pinned === 'date' || found.pinned === 'repomd' ? 'no-cache' : 'public, max-age=300';
}

/** What a request for one range may be given ahead of the fill; null for the whole and for several ranges. */
function singleRange(range: Sendable, slice: (range: ByteRange) => Loader): SingleRange | null {
  if (range.kind === 'whole' || range.ranges.length > 1) return null;
  const [only] = range.ranges;
  return { ...only, loader: () => slice(only) };
}

function flat(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).flat();
}

/** All bytes of a small held file; null when it cannot be read. Releases it. */
async function readWhole(source: ByteSource, size: Listed['size']): Promise<Buffer | null> {
  const body = Buffer.allocUnsafeSlow(size);
  try {
    for (let position = 0; position < size;) {
      position += await source.read(position === 0 ? body : body.subarray(position), position, size - position);
    }
    return body;
  } catch {
    return null;
  } finally {
    source.release();
  }
}
