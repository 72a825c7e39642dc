import { LRUCache } from 'lru-cache';
import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { possessionScope } from '../../base/generation.ts';
import { openSized } from '../../base/transfer.ts';
import type { Loader, Sized } from '../../base/transfer.ts';
import type { Found } from '../../cache/generations/served.ts';
import type { Store } from '../../cache/store.ts';
import type { Exchange } from '../../web/exchange.ts';
import { objectionToFile } from './access.ts';
import type { ListedFiles, ListedRequest } from './listed.ts';
import type { ContentPorts } from './ports.ts';
import type { UnlistedFiles } from './unlisted.ts';

type TreeFound = Extract<Found, { kind: 'tree' }>;

/** One file of a tree that a request asks for. */
export type TreeRequest = Omit<ListedRequest, 'found'> & { readonly found: TreeFound };

/** How long an upstream's word for a size counts while no transfer of the file is under way. Milliseconds. */
const believed = 30_000;
/** Larger files are none of a tree. Bytes. */
const largest = 64 * 1024 ** 3;

/**
 * Serves what `.treeinfo` lists: as every listed file, once its size is known. That is told by the copy that is held,
 * else by the upstream, with the transfer that then goes into the fill; the digest proves it.
 */
export class TreeFiles {
  readonly #store: Store;
  readonly #ports: ContentPorts;
  readonly #clock: Clock;
  readonly #listed: ListedFiles;
  readonly #unlisted: UnlistedFiles;
  /** Questions under way: those who ask meanwhile hear the same, and share the transfer. */
  readonly #asking = new Map<string, Promise<Sized>>();
  readonly #claimed = new LRUCache<string, { readonly size: number; readonly until: number }>({ max: 1_000 });

  constructor(options: {
    store: Store;
    ports: ContentPorts;
    clock: Clock;
    listed: ListedFiles;
    unlisted: UnlistedFiles;
  }) {
    this.#store = options.store;
    this.#ports = options.ports;
    this.#clock = options.clock;
    this.#listed = options.listed;
    this.#unlisted = options.unlisted;
  }

  async serve(exchange: Exchange, request: TreeRequest): Promise<void> {
    const { found, place, pinned } = request;
    const { digest, repository } = found;
    const objection = objectionToFile(digest, this.#ports);
    if (objection !== null) throw objection;
    const scope = possessionScope(repository.document.scope, repository.path, { digest });
    const size = (await this.#store.sink.sizes.of(scope, digest)) ?? this.#claim(scope, found);
    if (size !== null) return this.#listed.serve(exchange, asListed(request, size));
    const supplier = this.#ports.supplier(repository.path, repository.document.scope);
    if (supplier === null) {
      throw new WaystationError(
        'upstream_unreachable',
        `${repository.path} has no upstream any more, and this file was never fetched`,
      );
    }
    const sized = await this.#ask(`${scope} ${digest}`, supplier.loader(place.file, 'client', digest), place.file);
    try {
      if (sized.size === null) {
        sized.cancel();
        return await this.#unlisted.serve(exchange, { repository, file: place.file }, { pinned, expected: digest });
      }
      await this.#listed.serve(exchange, { ...asListed(request, sized.size), loader: () => sized.loader });
    } finally {
      sized.cancel();
    }
  }

  /** What the upstream said lately: while its transfer is under way, or not long ago. */
  #claim(scope: string, { digest }: TreeFound): number | null {
    const claim = this.#claimed.get(`${scope} ${digest}`);
    if (claim === undefined) return null;
    const { size, until } = claim;
    return this.#clock.monotonic() < until || this.#store.fills.uses({ scope, listed: { digest, size } }) ? size : null;
  }

  async #ask(key: string, loader: Loader, file: string): Promise<Sized> {
    const asking = this.#asking.get(key) ?? openSized(loader);
    this.#asking.set(key, asking);
    try {
      const sized = await asking;
      const { size } = sized;
      if (size !== null && size > largest) {
        throw new WaystationError('upstream_lied', `${file} has ${size} bytes at its upstream: no file of a tree has`);
      }
      if (size !== null) this.#claimed.set(key, { size, until: this.#clock.monotonic() + believed });
      return sized;
    } finally {
      this.#asking.delete(key);
    }
  }
}

function asListed({ place, found, pinned, epoch }: TreeRequest, size: number): ListedRequest {
  const { digest, repository } = found;
  return { place, pinned, epoch, found: { kind: 'listed', listed: { digest, size }, repository, pinned: 'file' } };
}
