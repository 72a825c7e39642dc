import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { Client } from '../../origin/client.ts';
import type { Health } from '../../origin/health.ts';
import type { Identity } from '../../origin/identity.ts';
import { SourceSet } from '../../origin/source-set.ts';
import type { RepositorySupplier } from '../discovery.ts';
import { RefusingSupplier } from './refusing-supplier.ts';

export interface ContentOptions {
  /** Of the hub: its `urls` hold the API's URL alone. */
  readonly identity: Identity;
  readonly version: string;
  readonly health: Health;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The hub's content app. What everybody may have is asked for without credentials, so that its bytes count as such;
 * what is guarded is asked for with all that is configured. They go to the API's own origin and to the content origin
 * that its status names, never from https to http, and nowhere else.
 */
export class HubContent {
  readonly #options: ContentOptions;
  readonly #anyone: Client;
  #identified: { readonly client: Client; readonly origins: ReadonlySet<string> };
  /** By URL and who asks: what is known of a source outlives a poll. */
  #suppliers = new Map<string, RepositorySupplier>();

  constructor(options: ContentOptions) {
    this.#options = options;
    this.#anyone = new Client({ ...options, identity: unidentified(options.identity) });
    this.#identified = this.#identify(null);
  }

  /** Learns where content is, from the hub's status. */
  locate(contentOrigin: string | null): void {
    if (contentOrigin === null || this.#identified.origins.has(contentOrigin)) return;
    const before = this.#identified.client;
    this.#identified = this.#identify(contentOrigin);
    // Suppliers of before hold the old client; they are made anew when they are next asked for.
    for (const key of this.#suppliers.keys()) if (key.startsWith('as us ')) this.#suppliers.delete(key);
    before.close().catch(() => {});
  }

  /** @param url the repository's. */
  supplier(url: string, guarded: boolean): RepositorySupplier {
    const key = `${guarded ? 'as us' : 'as anyone'} ${url}`;
    const known = this.#suppliers.get(key);
    if (known !== undefined) return known;
    const supplier = this.#make(url, guarded);
    this.#suppliers.set(key, supplier);
    return supplier;
  }

  /** Forgets all others. */
  keepOnly(used: ReadonlySet<RepositorySupplier>): void {
    this.#suppliers = new Map([...this.#suppliers].filter(([, supplier]) => used.has(supplier)));
  }

  async close(): Promise<void> {
    await Promise.all([this.#anyone.close(), this.#identified.client.close()]);
  }

  #make(url: string, guarded: boolean): RepositorySupplier {
    const { origin } = new URL(url);
    if (guarded && !this.#identified.origins.has(origin)) {
      const reason = `${origin} is neither the hub's API nor its content origin: it is shown no credentials`;
      return new RefusingSupplier(new WaystationError('upstream_unauthorized', reason));
    }
    const client = guarded ? this.#identified.client : this.#anyone;
    return new SourceSet({ ...this.#options, client, urls: [url], mirrorLists: [] });
  }

  #identify(contentOrigin: string | null): { client: Client; origins: ReadonlySet<string> } {
    const { identity } = this.#options;
    const own = new Set(identity.urls.map((url) => new URL(url).origin));
    const secure = [...own].every((origin) => origin.startsWith('https:'));
    const trusted = contentOrigin !== null && (!secure || contentOrigin.startsWith('https:')) ? [contentOrigin] : [];
    const urls = [...identity.urls, ...trusted];
    return {
      client: new Client({ ...this.#options, identity: { ...identity, urls } }),
      origins: new Set([...own, ...trusted]),
    };
  }
}

/** The same way to the hub with nothing shown. User info in a URL is a credential too. */
function unidentified(identity: Identity): Identity {
  const urls = identity.urls.map((text) => {
    const url = new URL(text);
    url.username = '';
    url.password = '';
    return url.href;
  });
  return {
    ...identity,
    urls,
    username: null,
    password: null,
    headers: {},
    tls: { ...identity.tls, cert: null, key: null },
  };
}
