import type { Clock } from '../../base/clock.ts';
import { digestOf, hexOf } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Health } from '../../origin/health.ts';
import type { Identity } from '../../origin/identity.ts';
import { shownUrl } from '../../origin/shown-url.ts';
import type { Traffic } from '../../origin/traffic.ts';
import type { Discovery, HubClient, WantedRepository } from '../discovery.ts';
import { servedPath } from '../discovery.ts';
import type { HubNotes } from '../hub-notes.ts';
import type { IdentityNames } from '../scope.ts';
import { anonymous, scopeOf } from '../scope.ts';
import { ApiConnection } from './api-connection.ts';
import { PulpApi } from './api.ts';
import { carriedFrom } from './carried.ts';
import type { Carried } from './carried.ts';
import { HubContent, showingFor } from './content.ts';
import { distributions } from './distribution.ts';
import { GuardNames } from './guards.ts';
import { RefusingSupplier } from './refusing-supplier.ts';
import { Memory } from './remembered.ts';
import type { Remembered } from './remembered.ts';

export interface PulpHubOptions {
  /** Name of the subscription: the list is remembered under it. */
  readonly subscription: string;
  /** Base URL: what `/pulp/` is below of. */
  readonly url: string;
  /** Pulp's domain; `default` on a hub without domains. */
  readonly domain: string;
  /** A `pulp_label_select`, `q:` and a full expression, or null for every distribution of the domain. */
  readonly select: string | null;
  /** Put before each path; '' for none. */
  readonly prefix: string;
  /** Who asks; its `urls` are `[url]`. */
  readonly identity: Identity;
  /** The same by names alone, for possession scopes. */
  readonly names: IdentityNames;
  /** Of this program. */
  readonly version: string;
  readonly health: Health;
  readonly traffic: Traffic;
  readonly clock: Clock;
  readonly log: Logger;
  readonly notes: HubNotes;
}

/** A Pulp 3 server as a hub: its rpm and file distributions, found by label or expression. */
export class PulpHub implements HubClient {
  readonly type = 'pulp';
  readonly url: string;
  /** A list of Pulp's may be empty because a role was taken away (it says 200): nothing is deleted for it. */
  readonly authoritative = false;
  readonly #options: PulpHubOptions;
  readonly #connection: ApiConnection;
  readonly #api: PulpApi;
  readonly #guards: GuardNames;
  readonly #content: HubContent;
  readonly #memory: Memory;
  #last: { readonly version: string | null; readonly wanted: readonly WantedRepository[] };

  /** A hub that knows what it said before the restart. */
  static async open(options: PulpHubOptions): Promise<PulpHub> {
    const { notes, subscription, url, domain, select } = options;
    const memory = new Memory(notes, subscription, [url, domain, select]);
    return new PulpHub(options, memory, await memory.recall());
  }

  private constructor(options: PulpHubOptions, memory: Memory, remembered: Remembered | null) {
    this.#options = options;
    this.url = shownUrl(options.url);
    this.#connection = new ApiConnection(options);
    this.#api = new PulpApi({ ...options, username: options.names.username, connection: this.#connection });
    this.#guards = new GuardNames(this.#api, options.log);
    this.#content = new HubContent(options);
    this.#memory = memory;
    this.#content.locate(remembered?.contentOrigin ?? null);
    this.#last = { version: null, wanted: this.#wanted(remembered?.carried ?? []) };
  }

  remembered(): readonly WantedRepository[] {
    return this.#last.wanted;
  }

  async discover(signal: AbortSignal): Promise<Discovery> {
    try {
      return await this.#discover(signal);
    } catch (thrown) {
      signal.throwIfAborted();
      // What the hub is may have changed with its answers.
      this.#api.forgetStatus();
      throw this.#explained(asWaystationError(thrown));
    }
  }

  close(): Promise<unknown> {
    return Promise.all([this.#connection.close(), this.#content.close()]);
  }

  async #discover(signal: AbortSignal): Promise<Discovery> {
    const { select, log } = this.#options;
    const { contentOrigin } = await this.#api.status(signal);
    const found = await distributions(this.#api, select, signal);
    const carried = await carriedFrom(found, { api: this.#api, guards: this.#guards, log }, signal);
    const version = versionOf(carried);
    if (version !== this.#last.version) {
      if (carried.length === 0)
        log.warn({ hub: this.url, select }, 'the hub lists nothing: the selection, or a lost role');
      await this.#memory.keep({ contentOrigin, carried });
      this.#content.locate(contentOrigin);
      this.#last = { version, wanted: this.#wanted(carried) };
    }
    return { hubVersion: version, repositories: this.#last.wanted };
  }

  #wanted(all: readonly Carried[]): readonly WantedRepository[] {
    const wanted = all.map((carried) => this.#want(carried));
    this.#content.keepOnly(new Set(wanted.map(({ supplier }) => supplier)));
    return wanted;
  }

  #want({ name, basePath, url, guard, content, nothing }: Carried): WantedRepository {
    const { prefix, domain, names } = this.#options;
    const showing = showingFor(guard);
    const identity = { nothing: anonymous, keys: { ...names, username: null }, 'keys and password': names }[showing];
    return {
      path: servedPath(prefix, basePath),
      content: content ?? 'rpm',
      name,
      guard,
      scope: scopeOf({ hubType: 'pulp', url: this.#options.url, domain, identity }),
      supplier:
        nothing === null
          ? this.#content.supplier(url, showing)
          : new RefusingSupplier(new WaystationError('upstream_missing', nothing)),
    };
  }

  /** A 404 to a list means that it is asked for in the wrong place. */
  #explained(error: WaystationError): WaystationError {
    const { domain } = this.#options;
    const { code, message, retryAfter } = error;
    if (code !== 'upstream_missing') return error;
    const place = `is ${this.url} a Pulp hub, and has it the domain ${domain}?`;
    return new WaystationError(code, `${message}: ${place}`, { cause: error, retryAfter });
  }
}

/** The same list has the same name, whatever order it came in. */
function versionOf(carried: readonly Carried[]): string {
  const rows = carried.map((one) => JSON.stringify(one)).toSorted();
  return `pulp-${hexOf(digestOf(rows.join('\n'))).slice(0, 16)}`;
}
