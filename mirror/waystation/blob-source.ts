import type { Clock } from '../../base/clock.ts';
import { algorithmOf, hexOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import type { Loader, Purpose } from '../../base/transfer.ts';
import type { Client } from '../../origin/client.ts';
import type { Health } from '../../origin/health.ts';
import type { OriginHealth } from '../../origin/origin-health.ts';
import type { Until } from '../../origin/judgement.ts';
import { SourceLoader } from '../../origin/loader.ts';
import { Source } from '../../origin/source.ts';

/** Milliseconds until the first byte, over all tries of one request: the client hears in 10 s. */
const startBudget = 9_000;
/** Snapshots that are asked for one file: the one that is followed, then those of kept generations. */
const mostSnapshots = 4;

/** A file, by its digest and by where a snapshot lists it. */
export interface BlobAddress {
  readonly digest: Digest;
  /** Of the repository in its snapshot. */
  readonly path: string;
  readonly href: string;
}

export interface HubBlobsOptions {
  /** Base URL of the hub. */
  readonly url: string;
  readonly client: Client;
  readonly health: Health;
  readonly clock: Clock;
  readonly random?: () => number;
}

/** A hub, asked for the files of one snapshot. */
class BlobSource extends Source {
  readonly #base: string;

  constructor(base: string, snapshot: string, parts: { readonly health: OriginHealth; readonly clock: Clock }) {
    super(base, parts.health, parts.clock);
    this.#base = `${base}/v1/blobs/%?snapshot=${encodeURIComponent(snapshot)}`;
  }

  /** @param address as `addressText` makes it. */
  override url(address: string): URL {
    const [file = '', query = ''] = address.split('?');
    return new URL(`${this.#base.replace('%', file)}&${query}`);
  }
}

/** The files of a hub, by digest (docs/hub-protocol.md, `/v1/blobs/`). */
export class HubBlobs {
  readonly #base: string;
  readonly #options: HubBlobsOptions;
  /** By snapshot: what a source asked for, or lied about, is known for all of its files. */
  readonly #sources = new Map<string, BlobSource>();

  constructor(options: HubBlobsOptions) {
    this.#base = options.url.replace(/\/+$/, '');
    this.#options = options;
  }

  /** @param snapshots that may list the file, the likeliest first. */
  loader(
    address: BlobAddress,
    snapshots: readonly string[],
    { until, purpose }: { readonly until: Until | null; readonly purpose: Purpose },
  ): Loader {
    const { client, clock, random = Math.random } = this.#options;
    const sources = [...new Set(snapshots)].slice(0, mostSnapshots).map((snapshot) => this.#source(snapshot));
    return new SourceLoader(
      { client, sources: () => sources, clock, random, startBudget },
      { href: addressText(address), until, purpose },
    );
  }

  /** False while the hub cannot be reached. */
  get up(): boolean {
    const health = this.#options.health.of(new URL(this.#base).origin);
    return health.up && !health.open;
  }

  #source(snapshot: string): BlobSource {
    const { health, clock } = this.#options;
    const known = this.#sources.get(snapshot);
    const source =
      known ?? new BlobSource(this.#base, snapshot, { health: health.of(new URL(this.#base).origin), clock });
    // The oldest goes: a hub has many snapshots over the years.
    this.#sources.delete(snapshot);
    this.#sources.set(snapshot, source);
    const [oldest] = this.#sources.keys();
    if (this.#sources.size > 64 && oldest !== undefined) this.#sources.delete(oldest);
    return source;
  }
}

function addressText({ digest, path, href }: BlobAddress): string {
  const query = `path=${encodeURIComponent(path)}&href=${encodeURIComponent(href)}`;
  return `${algorithmOf(digest)}/${hexOf(digest)}?${query}`;
}
