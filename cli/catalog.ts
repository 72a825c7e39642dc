import type { Listed } from '../base/digest.ts';
import type { Logger } from '../base/log.ts';
import type { Status } from '../base/status.ts';
import type { Store } from '../cache/store.ts';
import type { Config, Subscription } from '../config/config.ts';
import type { FileReference } from '../config/file-reference.ts';
import { secretFile } from '../config/secrets.ts';
import { treatmentOf } from './treatment.ts';
import type { Catalog, CatalogRepository, CatalogSubscription } from '../gateway/page/catalog.ts';

/** The key of a repository: the file that the operator named, or the one that its hub puts beside repomd.xml. */
interface KeysOfRepository {
  readonly path: string;
  readonly configured: string | null;
  readonly hub: string | null;
  readonly signed: boolean;
  readonly available: boolean;
}

interface CatalogOptions {
  readonly config: Config;
  /** Known once the service listens. */
  readonly publicUrl: () => string;
  readonly store: Store;
  readonly log: Logger;
  readonly status: () => Promise<Status>;
  /** Which repositories of packages a subscription's hub lists now. */
  readonly wanted: (subscription: string) => readonly string[];
}

/** What clients are told of: read from the configuration and from what is served, kept in memory between changes. */
export class ServedCatalog implements Catalog {
  readonly #publicUrl: () => string;
  readonly status: () => Promise<Status>;
  readonly #config: Config;
  readonly #store: Store;
  readonly #log: Logger;
  readonly #wanted: (subscription: string) => readonly string[];
  #subscriptions: readonly CatalogSubscription[] = [];

  constructor(options: CatalogOptions) {
    this.#publicUrl = options.publicUrl;
    this.status = options.status;
    this.#config = options.config;
    this.#store = options.store;
    this.#log = options.log;
    this.#wanted = options.wanted;
  }

  get publicUrl(): string {
    return this.#publicUrl();
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
    for (const path of this.#paths(subscription)) {
      const { gpgKey, repoGpgCheck, access } = treatmentOf(subscription, path);
      const document = served[path];
      found.push({
        path,
        configured: gpgKey === null ? null : await this.#keyFile(gpgKey),
        hub: document === undefined || document.key === null ? null : await this.#blob(document.scope, document.key),
        // Without a check of ours, only the hub's own key is known to fit its signature.
        signed: document !== undefined && document.asc !== null && (repoGpgCheck || document.key !== null),
        available:
          document !== undefined && (access === 'open' || (access === null && this.#store.served.guard(path) === null)),
      });
    }
    // Distinct keys in the order of the configuration, the hub's last (contract).
    const keys = [...new Set([...found.map(({ configured }) => configured), ...found.map(({ hub }) => hub)])].filter(
      (key) => key !== null,
    );
    const repositories = found.map(({ path, configured, hub, signed, available }): CatalogRepository => {
      const own = [configured, hub].filter((key) => key !== null);
      return { path, signed, available, keys: [...new Set(own.map((key) => keys.indexOf(key) + 1))] };
    });
    return { name: subscription.name, repositories, keys };
  }

  /** In the order of the configuration, or as the hub lists them: those that dnf can use, so none of plain files. */
  #paths({ name, hub, repositories }: Subscription): readonly string[] {
    if (hub.type !== 'yum') return this.#wanted(name);
    return repositories.flatMap(({ path, content }) => (content === 'rpm' ? [path] : []));
  }

  async #keyFile(reference: FileReference): Promise<string | null> {
    try {
      return normalized(await secretFile(reference).read());
    } catch (error) {
      this.#log.error({ error: String(error) }, 'a key file cannot be read');
      return null;
    }
  }

  async #blob(scope: string, listed: Listed): Promise<string | null> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of this.#store.sink.read(scope, listed)) chunks.push(chunk);
      return normalized(Buffer.concat(chunks).toString());
    } catch (error) {
      this.#log.error({ error: String(error) }, "a hub's key cannot be read");
      return null;
    }
  }
}

/** The same key from a file and from a hub may differ in its last line end. */
function normalized(key: string): string {
  return `${key.trim()}\n`;
}
