import type { Status } from '../../base/status.ts';

/** What there is for clients to use, as the pages and .repo files need it. Of now: asked anew for each request. */
export interface Catalog {
  /** Base URL that clients use, without a trailing `/`. Never taken from a request. */
  readonly publicUrl: string;
  /** In the order of the configuration. */
  subscriptions(): readonly CatalogSubscription[];
  /** The figures: the same document as the admin API's. */
  status(): Promise<Status>;
}

export interface CatalogSubscription {
  readonly name: string;
  /** Every repository that clients may be configured for, pending ones too. */
  readonly repositories: readonly CatalogRepository[];
  /** Armoured OpenPGP public keys: the distinct ones in the order of the configuration, the hub's repomd key last. */
  readonly keys: readonly string[];
}

export interface CatalogRepository {
  /** As served: below `/content/`, prefix included, decoded, without slashes at its ends. */
  readonly path: string;
  /** Which of the subscription's keys sign its packages or metadata: numbers from 1, the `n` of `/keys/…/n.asc`. */
  readonly keys: readonly number[];
  /** Whether its current generation carries a signature of repomd.xml that one of these keys is known to have made. */
  readonly signed: boolean;
  /** Whether clients are served: false while it is pending, guarded or denied. */
  readonly available: boolean;
}
