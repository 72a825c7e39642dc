import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../base/digest.ts';
import { possessionScope } from '../../base/generation.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import { treeFiles } from '../generations/pinned-files.ts';
import type { BlobIndex } from './blob-index.ts';
import type { Claims } from './claims.ts';
import type { Maps } from '../maps.ts';

/** How much of a repository is held. Sizes are the listed ones, in bytes. */
export interface Holdings {
  readonly packages: { readonly listed: number; readonly held: number; readonly unservable: number };
  readonly bytes: { readonly listed: number; readonly held: number };
  /** Files of its installation tree. */
  readonly tree: { readonly listed: number; readonly held: number };
}

const none = { packages: { listed: 0, held: 0, unservable: 0 }, bytes: { listed: 0, held: 0 } };
/** Milliseconds: a count that is done this soon is repeated whenever something changed … */
const cheap = 20;
/** … a longer one rests so many times as long: counting takes a tenth of the time at most, whoever asks. */
const restFactor = 9;
const packagesPerTurn = 2_000;

interface Counted {
  /** Of the index when it was begun. */
  readonly version: number;
  readonly holdings: Promise<Holdings>;
  /** Until then it is good enough although the index has changed: monotonic; infinite while it is being counted. */
  restsUntil: number;
}

/** Counts held packages by the index: exact once it is built, and dear, so that a count is kept while nothing changes. */
export class HoldingsCounter {
  readonly #maps: Maps;
  readonly #index: BlobIndex;
  readonly #clock: Clock;
  readonly #counted = new Map<string, Counted>();

  constructor(maps: Maps, index: BlobIndex, clock: Clock) {
    this.#maps = maps;
    this.#index = index;
    this.#clock = clock;
  }

  of(path: string, document: RepositoryDocument): Promise<Holdings> {
    const key = `${document.map} ${document.treeinfo?.digest} ${document.scope} ${path}`;
    const known = this.#counted.get(key);
    const began = this.#clock.monotonic();
    if (known !== undefined && (known.version === this.#index.version || began < known.restsUntil))
      return known.holdings;
    if (this.#counted.size > 1_000) this.#counted.clear();
    const holdings = this.#count(path, document);
    const counted: Counted = { version: this.#index.version, holdings, restsUntil: Infinity };
    this.#counted.set(key, counted);
    const ended = (): void => {
      const now = this.#clock.monotonic();
      counted.restsUntil = now - began < cheap ? now : now + restFactor * (now - began);
    };
    holdings.then(ended, () => this.#counted.delete(key));
    return holdings;
  }

  async #count(path: string, document: RepositoryDocument): Promise<Holdings> {
    const map = document.map === null ? null : await this.#maps.get(document.map);
    const tree = this.#tree(path, document);
    if (map === null) return { ...none, tree };
    const held = { packages: 0, bytes: 0 };
    let seen = 0;
    for await (const { listed } of map.entries()) {
      if (this.#index.has(possessionScope(document.scope, path, listed), listed.digest)) {
        held.packages += 1;
        held.bytes += listed.size;
      }
      seen += 1;
      if (seen % packagesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const { packages, bytes, unservable } = map.header;
    return {
      packages: { listed: packages, held: held.packages, unservable },
      bytes: { listed: bytes, held: held.bytes },
      tree,
    };
  }

  #tree(path: string, document: RepositoryDocument): Holdings['tree'] {
    const files = treeFiles(document);
    const isHeld = (digest: Digest): boolean =>
      this.#index.has(possessionScope(document.scope, path, { digest }), digest);
    return { listed: files.length, held: files.filter(([, digest]) => isHeld(digest)).length };
  }
}

/**
 * Claims every package of a repository, and tells whether all are held: none that was seen can be collected or evicted
 * after that, also while others are fetched. @returns false when there is no map to tell.
 */
export async function holdsAllPackages(of: {
  readonly path: string;
  readonly document: RepositoryDocument;
  readonly maps: Maps;
  readonly index: BlobIndex;
  readonly claims: Pick<Claims, 'claim'>;
}): Promise<boolean> {
  const { path, document, maps, index, claims } = of;
  const map = document.map === null ? null : await maps.get(document.map);
  if (map === null) return false;
  let all = true;
  for await (const { listed } of map.entries()) {
    const scope = possessionScope(document.scope, path, listed);
    claims.claim(scope, listed.digest);
    all &&= index.has(scope, listed.digest);
  }
  return all;
}
