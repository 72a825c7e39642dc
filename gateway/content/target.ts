import { WaystationError } from '../../base/errors.ts';
import type { GenerationDocument } from '../../base/generation.ts';
import type { Generations } from '../../cache/generations/generations.ts';
import { momentOf } from '../../cache/generations/named.ts';
import type { Place, Served } from '../../cache/generations/served.ts';

/** Where a content path leads. */
export type Target =
  | { readonly kind: 'file'; readonly place: Place; readonly pinned: 'no' | 'generation' | 'date' }
  /** A folder above or inside repositories, for people. `path` has no slash at its ends. */
  | { readonly kind: 'folder'; readonly path: string; readonly place: Place | null }
  /** A path that needs its trailing slash. */
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'none'; readonly path: string }
  /** Not content: the page, `.repo` texts and keys. */
  | { readonly kind: 'other' };

/** The URL classes of the content listener (contract), with `aliases` for hosts configured for another server. */
export class Targets {
  readonly #served: Served;
  readonly #generations: Generations;
  /** Longest first. */
  readonly #aliases: readonly (readonly [string, string])[];

  constructor(options: { served: Served; generations: Generations; aliases: readonly (readonly [string, string])[] }) {
    this.#served = options.served;
    this.#generations = options.generations;
    this.#aliases = options.aliases;
  }

  /** @param path decoded, as `decodeRequestPath` gives it. @throws WaystationError `not_found` for an unknown generation. */
  of(path: string): Target {
    const known = this.#dealiased(path);
    if (known.startsWith('/content/')) return this.#inContent(known.slice('/content/'.length));
    if (known === '/content') return { kind: 'redirect', location: '/content/' };
    if (known.startsWith('/generations/')) return this.#inGeneration(known.slice('/generations/'.length));
    return { kind: 'other' };
  }

  #dealiased(path: string): string {
    for (const [from, to] of this.#aliases) if (path.startsWith(from)) return to + path.slice(from.length);
    return path;
  }

  #inContent(path: string): Target {
    const place = this.#served.place(path);
    if (place === null)
      return path === '' || path.endsWith('/')
        ? { kind: 'folder', path: withoutSlash(path), place }
        : { kind: 'none', path };
    if (place.file === '' && !path.endsWith('/')) return { kind: 'redirect', location: `/content/${path}/` };
    if (place.file === '' || place.file.endsWith('/')) return { kind: 'folder', path: withoutSlash(path), place };
    return { kind: 'file', place, pinned: 'no' };
  }

  #inGeneration(rest: string): Target {
    const slash = rest.indexOf('/');
    if (slash < 0) return { kind: 'none', path: rest };
    const name = rest.slice(0, slash);
    const path = rest.slice(slash + 1);
    if (name.startsWith('@')) return this.#dated(name.slice(1), path);
    const generation = this.#generations.find(name);
    if (generation === null) throw new WaystationError('not_found', `there is no generation ${name} here`);
    const place = this.#served.placeIn(generation, path);
    return place === null || place.file === '' ? { kind: 'none', path } : { kind: 'file', place, pinned: 'generation' };
  }

  /** The newest generation, at or before a moment, of the subscription that has the path. */
  #dated(text: string, path: string): Target {
    const moment = momentOf(text);
    if (moment === null) throw new WaystationError('bad_request', 'the date is not RFC 3339');
    let oldest: GenerationDocument | null = null;
    for (const subscription of this.#generations.subscriptions()) {
      for (const generation of this.#generations.kept(subscription)) {
        const place = this.#served.placeIn(generation, path);
        if (place === null || place.file === '') continue;
        if (Date.parse(generation.created) <= moment) return { kind: 'file', place, pinned: 'date' };
        if (oldest === null || generation.created < oldest.created) oldest = generation;
      }
    }
    if (oldest === null) return { kind: 'none', path };
    throw new WaystationError(
      'not_found',
      `nothing was published here that early: the oldest kept generation is of ${oldest.created}`,
    );
  }
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}
