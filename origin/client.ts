import type { Clock } from '../base/clock.ts';
import { WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Answer, Purpose, Transfer, Validators } from '../base/transfer.ts';
import { parseHttpDate } from '../http/http-date.ts';
import { Connections } from './connections.ts';
import { Exchange } from './exchange.ts';
import type { Head } from './exchange.ts';
import { isConnectionFailure, transferFailure } from './failure.ts';
import type { Health } from './health.ts';
import { Credentials } from './identity.ts';
import type { Identity } from './identity.ts';
import { judge } from './judgement.ts';
import type { Until } from './judgement.ts';
import { NeighbourGuard } from './neighbour-guard.ts';
import { shownUrl } from './shown-url.ts';
import { StartLimit } from './start-limit.ts';
import type { Passage, Traffic } from './traffic.ts';

export interface ClientOptions {
  readonly identity: Identity;
  /** Of this program, for User-Agent. */
  readonly version: string;
  readonly health: Health;
  readonly traffic: Traffic;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds between two chunks of a body; default 15,000. A slow upstream that goes on sending is never cut. */
  readonly idleTimeout?: number;
}

/** One GET. */
export interface Ask {
  readonly url: URL;
  /** Position of the first byte wanted; 0 asks for the whole, unless there is an `until`. */
  readonly offset: number;
  /** Ends the wanted bytes before the end of the file: nothing but exactly those will do. */
  readonly until?: Until | null;
  readonly validators: Validators | null;
  /** Milliseconds until the first byte of the body, over all redirects. */
  readonly startWithin: number;
  /** In which the transfer goes, and which it leaves at its end; default: a client's. */
  readonly passage?: Passage;
}

interface Way {
  /** The asked origin itself has answered: what fails after that says nothing about the link to it. */
  answered: boolean;
}

interface Going {
  readonly passage: Passage;
  /** Ends it at any time. */
  readonly signal: AbortSignal;
  /** Ends it before the first byte of the body. */
  readonly limit: StartLimit | null;
}

/** RFC 9110 §15.4 names no number; ours is five. */
const mostRedirects = 5;

/**
 * GETs of one identity, made afresh: nothing of a client's request goes upstream. Credentials go to the identity's own
 * origins alone. Redirects are followed by hand.
 */
export class Client {
  readonly #options: ClientOptions;
  readonly #credentials: Credentials;
  readonly #guard = new NeighbourGuard();
  readonly #connections: Connections;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#credentials = new Credentials(options.identity);
    this.#connections = new Connections(options.identity, this.#credentials, this.#guard);
    for (const url of options.identity.urls) this.#guard.learnHost(new URL(url).hostname);
  }

  /**
   * Resolves once the first byte of the answer's body is here. Reports to the health of the asked URL's origin; does
   * not look at it: whether to ask is the caller's decision.
   * @throws WaystationError `upstream_*`, `secret_unreadable`; the signal's reason.
   */
  async get(ask: Ask, signal: AbortSignal): Promise<Answer> {
    const { clock, log } = this.#options;
    const passage = ask.passage ?? this.passage('client');
    await passage.enter(ask.url.origin, signal);
    const began = clock.monotonic();
    const where = shownUrl(ask.url);
    const limit = new StartLimit(ask.startWithin, () => {
      const seconds = Math.round(ask.startWithin / 100) / 10;
      return new WaystationError('upstream_timeout', `${where} sent nothing within ${seconds} s`);
    });
    const fields = { url: where, offset: ask.offset };
    const way: Way = { answered: false };
    try {
      const answer = await this.#follow(ask, { passage, signal, limit }, way);
      if (answer.kind !== 'found') passage.leave();
      log.debug(
        { ...fields, kind: answer.kind, milliseconds: Math.round(clock.monotonic() - began) },
        'upstream answered',
      );
      return answer;
    } catch (thrown) {
      passage.leave();
      signal.throwIfAborted();
      const error = transferFailure(thrown, 'head', where);
      if (!way.answered && isConnectionFailure(error)) {
        this.#options.health.of(ask.url.origin).failed(error, (probing) => this.#probe(ask.url.origin, probing));
      }
      log.debug({ ...fields, code: error.code, error: error.message }, 'upstream did not give it');
      throw error;
    } finally {
      limit.end();
    }
  }

  /** A way for the transfers of one file. */
  passage(purpose: Purpose): Passage {
    return this.#options.traffic.passage(purpose);
  }

  /** Cuts every connection. */
  close(): Promise<void> {
    return this.#connections.close();
  }

  /** Asks an origin for anything; whatever it answers, it lives. Any configured URL of it will do. */
  async #probe(origin: string, signal: AbortSignal): Promise<void> {
    const configured = this.#options.identity.urls.find((url) => new URL(url).origin === origin);
    const url = new URL(configured ?? origin);
    const exchange = await this.#exchange(
      url,
      { url, offset: 0, validators: null, startWithin: 0 },
      { signal, limit: null },
    );
    const head = await exchange.head;
    exchange.discard();
    this.#options.health.of(origin).answered(timeOf(head));
  }

  async #follow(ask: Ask, going: Going, way: Way): Promise<Answer> {
    const seen = new Set<string>();
    for (let url = ask.url; ;) {
      seen.add(url.href);
      const exchange = await this.#exchange(url, ask, going);
      const head = await exchange.head;
      if (url === ask.url) {
        way.answered = true;
        this.#options.health.of(url.origin).answered(timeOf(head));
      }
      const where = shownUrl(url);
      const conditional = ask.validators !== null;
      const { offset, until = null } = ask;
      const judgement = judge(head, { offset, until, conditional, where, now: this.#options.clock.now() });
      if (judgement.kind === 'body') {
        await exchange.started;
        return { kind: 'found', transfer: transferOf(exchange, head, { ...judgement, ...going, where, offset }) };
      }
      exchange.discard();
      if (judgement.kind === 'refused') throw judgement.error;
      if (judgement.kind === 'not-modified') return judgement;
      url = this.#next(url, judgement.location, seen);
    }
  }

  async #exchange(url: URL, ask: Ask, { signal, limit }: Pick<Going, 'signal' | 'limit'>): Promise<Exchange> {
    if (!this.#credentials.own(url.origin)) this.#guard.checkHost(url.hostname);
    const route = await this.#connections.route(url, `${url.pathname}${url.search}`);
    const headers: Record<string, string> = {
      host: url.host,
      'user-agent': `waystation/${this.#options.version}`,
      accept: '*/*',
      'accept-encoding': 'identity',
    };
    const { offset, until = null, validators } = ask;
    if (until !== null) headers['range'] = `bytes=${offset}-${until.end - 1}`;
    else if (offset > 0) headers['range'] = `bytes=${offset}-`;
    if (typeof validators?.etag === 'string') headers['if-none-match'] = validators.etag;
    if (typeof validators?.lastModified === 'string') headers['if-modified-since'] = validators.lastModified;
    Object.assign(headers, await this.#credentials.headersFor(url.origin), route.headers);
    const idleTimeout = this.#options.idleTimeout ?? 15_000;
    // The last await is behind us: a request that was called off meanwhile must not leave.
    signal.throwIfAborted();
    limit?.throwIfOver();
    const exchange = new Exchange(route, { headers, idleTimeout, where: shownUrl(url), signal });
    limit?.watch(exchange);
    return exchange;
  }

  /** @throws WaystationError `upstream_redirect` */
  #next(from: URL, location: string, seen: ReadonlySet<string>): URL {
    const refuse = (reason: string): WaystationError =>
      new WaystationError('upstream_redirect', `${shownUrl(from)} redirects ${reason}`);
    const to = URL.parse(location, from);
    if (to === null) throw refuse('to what is no URL');
    to.hash = '';
    if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refuse(`to ${to.protocol}`);
    if (from.protocol === 'https:' && to.protocol === 'http:') throw refuse('from https to http');
    if (seen.has(to.href)) throw refuse('in a loop');
    if (seen.size > mostRedirects) throw refuse(`more than ${mostRedirects} times`);
    return to;
  }
}

/** What time it is by the answer's Date; a cache on the way may have kept it for the seconds of its Age. */
function timeOf({ headers }: Head): number | null {
  const date = parseHttpDate(headers.date ?? '');
  const age = /^\d{1,9}$/.test(headers.age ?? '') ? Number(headers.age) : 0;
  return date === null ? null : date + age * 1000;
}

function transferOf(
  exchange: Exchange,
  head: Head,
  body: Going & {
    readonly total: number | null;
    readonly skip: number;
    readonly where: string;
    readonly offset: number;
  },
): Transfer {
  const { headers } = head;
  const { passage } = body;
  return {
    source: body.where,
    total: body.total,
    contentType: headers['content-type'] ?? null,
    etag: headers.etag ?? null,
    lastModified: headers['last-modified'] ?? null,
    offset: body.offset,
    consume: (sink) =>
      exchange.consume(paying(body.skip === 0 ? sink : skipping(body.skip, sink), body)).finally(() => passage.leave()),
    cancel: () => {
      exchange.cancel();
      passage.leave();
    },
  };
}

type Sink = Parameters<Transfer['consume']>[0];

/** Lets the origin be read again when the sink has the chunk and it is paid for, whichever comes later. */
function paying(sink: Sink, { passage, signal }: Going): Sink {
  return (chunk) => {
    const taken = sink(chunk);
    const paid = passage.pay(chunk.length, signal);
    if (paid === undefined) return taken;
    return taken === undefined ? paid : Promise.all([taken, paid]).then(() => {});
  };
}

/** Drops the first bytes: they were had before. */
function skipping(count: number, sink: Sink): Sink {
  let left = count;
  return (chunk) => {
    const dropped = Math.min(left, chunk.length);
    left -= dropped;
    return dropped === chunk.length ? undefined : sink(chunk.subarray(dropped));
  };
}
