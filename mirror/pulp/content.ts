import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { Guard } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import { Client } from '../../origin/client.ts';
import type { Health } from '../../origin/health.ts';
import type { Identity } from '../../origin/identity.ts';
import { SourceSet } from '../../origin/source-set.ts';
import type { Traffic } from '../../origin/traffic.ts';
import type { RepositorySupplier } from '../discovery.ts';
import { RefusingSupplier } from './refusing-supplier.ts';

export interface ContentOptions {
  /** Of the hub: its `urls` hold the API's URL alone. */
  readonly identity: Identity;
  readonly version: string;
  readonly health: Health;
  readonly traffic: Traffic;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What requests for content show: `keys` are the configured headers and the client certificate. */
export type Showing = 'nothing' | 'keys' | 'keys and password';

/** Kinds of guards that look at headers or certificates alone. */
const withoutPassword: ReadonlySet<string> = new Set(['header', 'x509', 'rhsm']);

/**
 * What a guard needs to see. The password only where it may help: a Pulp that is shown one checks it first, whatever
 * the guard, and that takes it 250 ms in the one thread that all requests of a content worker share (measured).
 */
export function showingFor(guard: Guard | null): Showing {
  if (guard === null) return 'nothing';
  return withoutPassword.has(guard.kind) ? 'keys' : 'keys and password';
}

/**
 * The hub's content app. What everybody may have is asked for without credentials, so that its bytes count as such.
 * Credentials go to the API's own origin and to the content origin that its status names, never from https to http,
 * and nowhere else.
 */
export class HubContent {
  readonly #options: ContentOptions;
  #contentOrigin: string | null = null;
  #clients: Readonly<Record<Showing, Client>>;
  /** By URL and what is shown: what is known of a source outlives a poll. */
  #suppliers = new Map<string, RepositorySupplier>();

  constructor(options: ContentOptions) {
    this.#options = options;
    this.#clients = this.#open();
  }

  /** Learns where content is, from the hub's status. */
  locate(contentOrigin: string | null): void {
    if (contentOrigin === this.#contentOrigin) return;
    const before = this.#clients;
    this.#contentOrigin = contentOrigin;
    this.#clients = this.#open();
    // Suppliers of before hold the old clients; they are made anew when they are next asked for.
    this.#suppliers.clear();
    closeAll(before).catch(() => {});
  }

  /** @param url the repository's. */
  supplier(url: string, showing: Showing): RepositorySupplier {
    const key = `${showing}: ${url}`;
    const known = this.#suppliers.get(key);
    if (known !== undefined) return known;
    const supplier = this.#make(url, showing);
    this.#suppliers.set(key, supplier);
    return supplier;
  }

  /** Forgets all others. */
  keepOnly(used: ReadonlySet<RepositorySupplier>): void {
    this.#suppliers = new Map([...this.#suppliers].filter(([, supplier]) => used.has(supplier)));
  }

  close(): Promise<unknown> {
    return closeAll(this.#clients);
  }

  #make(url: string, showing: Showing): RepositorySupplier {
    const { origin } = new URL(url);
    if (showing !== 'nothing' && !this.#trusted().some((trusted) => new URL(trusted).origin === origin)) {
      const reason = `${origin} is neither the hub's API nor its content origin: it is shown no credentials`;
      return new RefusingSupplier(new WaystationError('upstream_unauthorized', reason));
    }
    return new SourceSet({ ...this.#options, client: this.#clients[showing], urls: [url], mirrorLists: [] });
  }

  #open(): Readonly<Record<Showing, Client>> {
    const { identity } = this.#options;
    const client = (shown: Identity): Client => new Client({ ...this.#options, identity: shown });
    const named = { ...identity, urls: this.#trusted() };
    const keys = withoutUser(named);
    const tls = { ...identity.tls, cert: null, key: null };
    return {
      nothing: client({ ...withoutUser(identity), headers: {}, tls }),
      keys: client(keys),
      'keys and password': client(named),
    };
  }

  /** URLs whose origins may see credentials. */
  #trusted(): readonly string[] {
    const { urls } = this.#options.identity;
    const content = this.#contentOrigin;
    if (content === null) return urls;
    const secure = urls.every((url) => url.startsWith('https:'));
    if (secure && !content.startsWith('https:')) return urls;
    const [api] = urls;
    if (api === undefined || new URL(api).origin === content) return urls;
    // User info of the hub's URL is for its content, too.
    const { username, password } = new URL(api);
    return [...urls, Object.assign(new URL(content), { username, password }).href];
  }
}

function closeAll(clients: Readonly<Record<Showing, Client>>): Promise<unknown> {
  return Promise.all(Object.values(clients).map((client) => client.close()));
}

/** User info in a URL is a user too. */
function withoutUser(identity: Identity): Identity {
  const urls = identity.urls.map((text) => Object.assign(new URL(text), { username: '', password: '' }).href);
  return { ...identity, urls, username: null, password: null };
}
