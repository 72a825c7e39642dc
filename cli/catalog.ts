import type { Listed } from '../base/digest.ts';
import type { Logger } from '../base/log.ts';
import type { Status } from '../base/status.ts';
import type { Store } from '../cache/store.ts';
import type { Config, Subscription } from '../config/config.ts';
import type { FileReference } from '../config/file-reference.ts';
import { secretFile } from '../config/secrets.ts';
import type { Catalog, CatalogRepository, CatalogSubscription } from '../gateway/page/catalog.ts';

/** The key of a repository: the file that the operator named, or the one that its hub puts beside repomd.xml. */
interface KeysOfRepository {
  readonly path: string;
  readonly configured: string | null;
  readonly hub: string | null;
  readonly signed: boolean;
}

/** What clients are told of: read from the configuration and from what is served, kept in memory between changes. */
export class ServedCatalog implements Catalog {
  readonly publicUrl: string;
  readonly status: () => Promise<Status>;
  readonly #config: Config;
  readonly #store: Store;
  readonly #log: Logger;
  #subscriptions: readonly CatalogSubscription[] = [];

  constructor(options: {
    config: Config;
    publicUrl: string;
    store: Store;
    log: Logger;
    status: () => Promise<Status>;
  }) {
    this.publicUrl = options.publicUrl;
    this.status = options.status;
    this.#config = options.config;
    this.#store = options.store;
    this.#log = options.log;
  }

  subscriptions(): readonly CatalogSubscription[] {
    return this.#subscriptions;
  }

  /** Reads anew what changes with a generation or with a key file. */
  async refresh(): Promise<void> {
    this.#subscriptions = await Promise.all(
      this.#config.subscriptions.map((subscription) => this.#subscription(subscription)),
    );
  }

  async #subscription(subscription: Subscription): Promise<CatalogSubscription> {
    const served = this.#store.current(subscription.name)?.repositories ?? {};
    const found: KeysOfRepository[] = [];
    for (const { path, gpgKey } of subscription.repositories) {
      const document = served[path];
      found.push({
        path,
        configured: gpgKey === null ? null : await this.#keyFile(gpgKey),
        hub: document === undefined || document.key === null ? null : await this.#blob(document.scope, document.key),
        signed: document !== undefined && document.asc !== null,
      });
    }
    // Distinct keys in the order of the configuration, the hub's last (contract).
    const keys = [...new Set([...found.map(({ configured }) => configured), ...found.map(({ hub }) => hub)])].filter(
      (key) => key !== null,
    );
    const repositories = found.map(({ path, configured, hub, signed }): CatalogRepository => {
      const own = [configured, hub].filter((key) => key !== null);
      return { path, signed, keys: [...new Set(own.map((key) => keys.indexOf(key) + 1))] };
    });
    return { name: subscription.name, repositories, keys };
  }

  async #keyFile(reference: FileReference): Promise<string | null> {
    try {
      return await secretFile(reference).read();
    } catch (error) {
      this.#log.error({ error: String(error) }, 'a key file cannot be read');
      return null;
    }
  }

  async #blob(scope: string, listed: Listed): Promise<string | null> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of this.#store.sink.read(scope, listed)) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    } catch (error) {
      this.#log.error({ error: String(error) }, "a hub's key cannot be read");
      return null;
    }
  }
}
