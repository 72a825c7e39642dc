import type { Clock } from '../base/clock.ts';
import { WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { PlainEnd, PlainRequest } from '../base/plain-get.ts';
import type { Answer, Purpose } from '../base/transfer.ts';
import { parseHttpDate } from '../http/http-date.ts';
import { Connections } from './connections.ts';
import type { Route } from './connections.ts';
import { Exchange } from './exchange.ts';
import { isConnectionFailure, transferFailure } from './failure.ts';
import type { Health } from './health.ts';
import { Credentials } from './identity.ts';
import type { Identity } from './identity.ts';
import { judge } from './judgement.ts';
import type { Judgement } from './judgement.ts';
import { NeighbourGuard } from './neighbour-guard.ts';
import { PlainRequests } from './plain/requests.ts';
import { RequestTexts } from './request-text.ts';
import type { Target, Wanted } from './request-text.ts';
import { shownUrl } from './shown-url.ts';
import { StartLimit } from './start-limit.ts';
import type { Passage, Traffic } from './traffic.ts';
import { UpstreamTransfer } from './upstream-transfer.ts';
import { Deadlines } from './wire/deadlines.ts';
import type { Head } from './wire/response-head.ts';

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
export interface Ask extends Wanted {
  readonly url: Target;
  /** Milliseconds until the first byte of the body, over all redirects. */
  readonly startWithin: number;
  /** In which the transfer goes, and which it leaves at its end; default: a client's. */
  readonly passage?: Passage;
}

/** One GET that is under way. */
interface Going {
  readonly passage: Passage;
  /** Ends it at any time. */
  readonly signal: AbortSignal;
  /** Ends it before the first byte of the body. */
  readonly limit: StartLimit;
  /** The asked origin itself has answered: what fails after that says nothing about the link to it. */
  answered: boolean;
}

/** What may end a request. */
interface Ending {
  readonly signal: AbortSignal;
  readonly limit: StartLimit | null;
}

type Body = Extract<Judgement, { readonly kind: 'body' }>;

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
  readonly #deadlines = new Deadlines();
  readonly #texts: RequestTexts;
  readonly #connections: Connections;
  readonly #plainGets: PlainRequests;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#credentials = new Credentials(options.identity);
    const [credentials, guard, deadlines] = [this.#credentials, this.#guard, this.#deadlines];
    this.#connections = new Connections(options.identity, { credentials, guard, deadlines });
    this.#texts = new RequestTexts(options.version);
    this.#plainGets = new PlainRequests({ ...options, texts: this.#texts });
    for (const url of options.identity.urls) this.#guard.learnHost(new URL(url).hostname);
  }

  /**
   * Resolves once the first byte of the answer's body is here. Reports to the health of the asked URL's origin; does
   * not look at it: whether to ask is the caller's decision.
   * @throws WaystationError `upstream_*`, `secret_unreadable`; the signal's reason.
   */
  async get(ask: Ask, signal: AbortSignal): Promise<Answer> {
    const passage = ask.passage ?? this.passage('client');
    const entering = passage.enter(ask.url.origin, signal);
    if (typeof entering !== 'boolean') await entering;
    const limit = new StartLimit(this.#deadlines, ask.startWithin, ask.url);
    const going: Going = { passage, signal, limit, answered: false };
    try {
      let seen: Set<string> | null = null;
      for (let url = ask.url; ;) {
        const opening = this.#exchange(url, ask, going);
        const exchange = opening instanceof Promise ? await opening : opening;
        await exchange.answered();
        const judgement = this.#judge(url, exchange, { ask, going });
        if (judgement.kind === 'body') {
          const starting = exchange.started();
          if (starting !== undefined) await starting;
          return this.#found(url, exchange, { ask, going, judgement });
        }
        exchange.discard();
        if (judgement.kind === 'refused') throw judgement.error;
        if (judgement.kind === 'not-modified') {
          passage.leave();
          this.#tell(ask, judgement.kind, limit);
          return judgement;
        }
        seen ??= new Set();
        seen.add(hrefOf(url));
        url = this.#next(url, judgement.location, seen);
      }
    } catch (thrown) {
      throw this.#failure(thrown, ask, going);
    } finally {
      limit.end();
    }
  }

  /**
   * A GET of a whole file, for who can send it as it is; null where more is needed than to ask and to read.
   * @param passage has a slot of the origin, and is told of the bytes. @param ended told what came of it.
   */
  plain(url: Target, passage: Passage, ended: (end: PlainEnd) => void): PlainRequest | null {
    const { origin } = url;
    if (!passage.isFree || this.#credentials.showsTo(origin) || !this.#connections.isPlain(origin)) return null;
    return this.#plainGets.request(url, passage, ended);
  }

  /** A way for the transfers of one file. */
  passage(purpose: Purpose): Passage {
    return this.#options.traffic.passage(purpose);
  }

  /** Cuts every connection. */
  async close(): Promise<void> {
    this.#connections.close();
  }

  /** Asks an origin for anything; whatever it answers, it lives. Any configured URL of it will do. */
  async #probe(origin: string, signal: AbortSignal): Promise<void> {
    const configured = this.#options.identity.urls.find((url) => new URL(url).origin === origin);
    const url = new URL(configured ?? origin);
    const exchange = await this.#exchange(url, { offset: 0, validators: null }, { signal, limit: null });
    await exchange.answered();
    const date = timeOf(headOf(exchange));
    exchange.discard();
    this.#options.health.of(origin).answered(date);
  }

  /** Reports an answer of the asked origin to its health. */
  #judge(url: Target, exchange: Exchange, { ask, going }: { readonly ask: Ask; readonly going: Going }): Judgement {
    const head = headOf(exchange);
    if (url === ask.url) {
      going.answered = true;
      this.#options.health.of(url.origin).answered(timeOf(head));
    }
    const { offset, until = null, validators } = ask;
    return judge(head, {
      offset,
      until,
      conditional: validators !== null,
      where: shownUrl(url),
      now: this.#options.clock.now(),
    });
  }

  #found(
    url: Target,
    exchange: Exchange,
    { ask, going, judgement }: { readonly ask: Ask; readonly going: Going; readonly judgement: Body },
  ): Answer {
    this.#tell(ask, 'found', going.limit);
    const { total, skip } = judgement;
    const { passage, signal } = going;
    const transfer = new UpstreamTransfer(exchange, {
      passage,
      signal,
      where: shownUrl(url),
      offset: ask.offset,
      total,
      skip,
    });
    return { kind: 'found', transfer };
  }

  #tell({ url, offset }: Ask, kind: Answer['kind'], { elapsed }: StartLimit): void {
    const fields = { url: shownUrl(url), offset, kind, milliseconds: Math.round(elapsed) };
    this.#options.log.debug(fields, 'upstream answered');
  }

  /** Ends a try that did not give it. @throws the signal's reason. */
  #failure(thrown: unknown, { url, offset }: Ask, { passage, signal, answered }: Going): WaystationError {
    passage.leave();
    signal.throwIfAborted();
    const where = shownUrl(url);
    const error = transferFailure(thrown, 'head', where);
    if (!answered && isConnectionFailure(error)) {
      this.#options.health.of(url.origin).failed(error, (probing) => this.#probe(url.origin, probing));
    }
    this.#options.log.debug({ url: where, offset, code: error.code, error: error.message }, 'upstream did not give it');
    return error;
  }

  /** At once, where no file of a secret has to be looked at. */
  #exchange(url: Target, wanted: Wanted, going: Ending): Exchange | Promise<Exchange> {
    const { origin } = url;
    if (!this.#credentials.own(origin)) this.#guard.checkHost(new URL(origin).hostname);
    const route = this.#connections.route(origin);
    if (!(route instanceof Promise) && !this.#credentials.showsTo(origin))
      return this.#send(url, wanted, { going, route, shown: null });
    return this.#withSecrets(url, wanted, { going, route });
  }

  async #withSecrets(
    url: Target,
    wanted: Wanted,
    { going, route }: { going: Ending; route: Route | Promise<Route> },
  ): Promise<Exchange> {
    const known = await route;
    const shown = await this.#credentials.headersFor(url.origin);
    return this.#send(url, wanted, { going, route: known, shown });
  }

  #send(
    url: Target,
    wanted: Wanted,
    parts: {
      readonly going: Ending;
      readonly route: Route;
      readonly shown: Readonly<Record<string, string>> | null;
    },
  ): Exchange {
    const { signal, limit } = parts.going;
    // The last await is behind us: a request that was called off meanwhile must not leave.
    signal.throwIfAborted();
    limit?.throwIfOver();
    const { before, headers, pool } = parts.route;
    const shown = parts.shown === null && headers === null ? null : { ...parts.shown, ...headers };
    const text = this.#texts.get(url, wanted, { before, shown });
    const idleTimeout = this.#options.idleTimeout ?? 15_000;
    const exchange = new Exchange(pool, { text, idleTimeout, where: shownUrl(url), signal });
    limit?.watch(exchange);
    return exchange;
  }

  /** @throws WaystationError `upstream_redirect` */
  #next(from: Target, location: string, seen: ReadonlySet<string>): URL {
    const refuse = (reason: string): WaystationError =>
      new WaystationError('upstream_redirect', `${shownUrl(from)} redirects ${reason}`);
    const to = URL.parse(location, hrefOf(from));
    if (to === null) throw refuse('to what is no URL');
    to.hash = '';
    if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refuse(`to ${to.protocol}`);
    if (from.origin.startsWith('https:') && to.protocol === 'http:') throw refuse('from https to http');
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

function headOf({ answer }: Exchange): Head {
  if (answer === null) throw new Error('an exchange went on without a head');
  return answer;
}

function hrefOf({ origin, pathname, search }: Target): string {
  return `${origin}${pathname}${search}`;
}
