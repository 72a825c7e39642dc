import { algorithmOf, digestOf, hexOf } from '../../base/digest.ts';
import type { Digest, Listed } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { Answer, Loader, Purpose, Slice, Transfer, Validators } from '../../base/transfer.ts';
import { readWhole } from '../../origin/read-whole.ts';
import type { SnapshotRepository } from '../../protocol/snapshot.ts';
import type { RepositorySupplier } from '../discovery.ts';
import type { HubBlobs } from './blob-source.ts';

/** Bytes. What nothing but a manifest pins is small; lists of plain files are the largest. */
const largest = 64 * 1024 * 1024;

export interface SnapshotSupplierOptions {
  readonly blobs: HubBlobs;
  /** Path of the repository in the snapshot. */
  readonly path: string;
  readonly snapshot: string;
  readonly repository: SnapshotRepository;
  /** Snapshots of kept generations, newest first. */
  readonly kept: () => readonly string[];
}

/**
 * One repository of a snapshot. What the manifest pins is confirmed without asking anybody, and fetched by its digest
 * when it is not here; what it does not pin does not exist.
 */
export class SnapshotSupplier implements RepositorySupplier {
  readonly #options: SnapshotSupplierOptions;
  readonly #pinned: ReadonlyMap<string, Listed>;

  constructor(options: SnapshotSupplierOptions) {
    const { content, repomd, asc, key, treeinfo } = options.repository;
    const pinned: [string, Listed | null][] = [
      [content === 'file' ? 'PULP_MANIFEST' : 'repodata/repomd.xml', repomd],
      ['repodata/repomd.xml.asc', asc],
      ['repodata/repomd.xml.key', key],
      ['.treeinfo', treeinfo],
      ['treeinfo', treeinfo],
    ];
    this.#options = options;
    this.#pinned = new Map(pinned.flatMap(([href, listed]) => (listed === null ? [] : [[href, listed] as const])));
  }

  get up(): boolean {
    return this.#options.blobs.up;
  }

  loader(href: string, purpose: Purpose = 'client', digest?: Digest): Loader {
    return this.#loader(href, { until: null, purpose }, digest);
  }

  slice(href: string, { end, total }: Slice, digest?: Digest): Loader {
    return this.#loader(href, { until: { end, total }, purpose: 'client' }, digest);
  }

  async get(href: string, validators: Validators | null, signal: AbortSignal): Promise<Answer> {
    const listed = this.#pinned.get(href);
    if (listed === undefined) throw this.#missing(href);
    const etag = `"${hexOf(listed.digest)}"`;
    if (validators?.etag === etag) return { kind: 'not-modified' };
    const loader = this.loader(href, 'client', listed.digest);
    for (;;) {
      const transfer = await loader.open(0, signal);
      const bytes = await readWhole(transfer, Math.min(listed.size, largest));
      if (digestOf(bytes, algorithmOf(listed.digest)) === listed.digest)
        return { kind: 'found', transfer: inMemory(transfer.source, etag, bytes) };
      // Whoever lies again is not asked a third time: then `open` says so.
      loader.lied(transfer);
    }
  }

  acceptableRepomd(): Promise<null> {
    return Promise.resolve(null);
  }

  #loader(href: string, how: Parameters<HubBlobs['loader']>[2], digest: Digest | undefined): Loader {
    const { blobs, path, snapshot, kept } = this.#options;
    const known = digest ?? this.#pinned.get(href)?.digest;
    if (known === undefined) return refusing(this.#missing(href));
    return blobs.loader({ digest: known, path, href }, [snapshot, ...kept()], how);
  }

  #missing(href: string): WaystationError {
    const { snapshot, path } = this.#options;
    return new WaystationError('upstream_missing', `the snapshot ${snapshot} has no ${path}/${href}`);
  }
}

function refusing(error: WaystationError): Loader {
  const refuse = async (): Promise<never> => {
    throw error;
  };
  return { open: refuse, lied: () => {} };
}

/** Proven bytes as a transfer. */
function inMemory(source: string, etag: string, bytes: Buffer): Transfer {
  return {
    source,
    total: bytes.length,
    contentType: null,
    etag,
    lastModified: null,
    offset: 0,
    consume: async (sink) => {
      if (bytes.length > 0) await sink(bytes);
    },
    cancel: () => {},
  };
}
