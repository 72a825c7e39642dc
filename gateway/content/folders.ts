import type { Place, Served } from '../../cache/generations/served.ts';
import type { ListingEntry } from '../page/listing.ts';
import type { Exchange } from '../../web/exchange.ts';
import { sendText } from './text.ts';

/** Lines of one listing at most. */
const entryLimit = 5_000;

/** Listings for people: of what metadata lists, never of the disk. */
export class Folders {
  readonly #served: Served;

  constructor(served: Served) {
    this.#served = served;
  }

  /** @returns false when there is no such folder. */
  async serve(exchange: Exchange, path: string, place: Place | null): Promise<boolean> {
    const entries = new Map<string, number | null>();
    for (const name of this.#repositoriesBelow(path)) entries.set(name, null);
    if (place !== null) await this.#filesBelow(place, entries);
    if (entries.size === 0 && path !== '') return false;
    // Templates of pages are no part of a start.
    const { listingPage } = await import('../page/listing.ts');
    const { body, headers } = await listingPage({
      path: path === '' ? '/content/' : `/content/${path}/`,
      top: '/content/',
      entries: [...entries].map(([name, size]) => entryOf(name, size)),
      generation: place?.repository.generation.id ?? null,
    });
    sendText(exchange, body, headers);
    return true;
  }

  /** The next segments of the repositories whose paths go on from here. */
  *#repositoriesBelow(path: string): Generator<string> {
    const prefix = path === '' ? '' : `${path}/`;
    for (const repository of this.#served.repositories()) {
      if (!repository.path.startsWith(prefix)) continue;
      yield `${repository.path.slice(prefix.length).split('/')[0]}/`;
    }
  }

  async #filesBelow({ repository, file }: Place, entries: Map<string, number | null>): Promise<void> {
    for await (const entry of this.#served.files(repository, file)) {
      if (entries.size >= entryLimit) return;
      const rest = entry.href.slice(file.length);
      const slash = rest.indexOf('/');
      if (slash < 0) entries.set(rest, entry.size);
      else entries.set(rest.slice(0, slash + 1), null);
    }
  }
}

/** A name that ends with a slash is a folder's. */
function entryOf(name: string, size: number | null): ListingEntry {
  return name.endsWith('/') ? { name: name.slice(0, -1), kind: 'directory', size: null } : { name, kind: 'file', size };
}
