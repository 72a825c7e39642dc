import { asWaystationError } from '../../base/errors.ts';
import type { Guard } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import type { PulpApi } from './api.ts';
import { allRows } from './listing.ts';

/** Names content guards. Their kind is in the href; their name has to be asked for, and a plain reader may not see it. */
export class GuardNames {
  readonly #api: PulpApi;
  readonly #log: Logger;
  readonly #names = new Map<string, string>();
  #asked = '';

  constructor(api: PulpApi, log: Logger) {
    this.#api = api;
    this.#log = log;
  }

  /** Asks only when there are others than the last time. Never fails for want of a name. */
  async learn(hrefs: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const asked = [...hrefs].toSorted().join(' ');
    if (asked === this.#asked) return;
    try {
      // Only these fields: a header guard's answer holds its secret in clear.
      const listing = { path: 'contentguards/', query: {}, fields: ['pulp_href', 'name'] };
      for (const { pulp_href: href, name } of await allRows(this.#api, listing, signal)) {
        if (typeof href === 'string' && typeof name === 'string') this.#names.set(href, name);
      }
    } catch (thrown) {
      signal.throwIfAborted();
      this.#log.info({ reason: asWaystationError(thrown).message }, 'the hub does not tell the names of its guards');
    }
    this.#asked = asked;
  }

  guard(href: string): Guard {
    const { kind, id } = partsOf(href);
    return { kind, name: this.#names.get(href) ?? id };
  }
}

/** `/pulp/default/api/v3/contentguards/core/header/<id>/` is of the kind `header`. */
function partsOf(href: string): { kind: string; id: string } {
  const [, kind, id] = /\/contentguards\/[^/]+\/([^/]+)\/([^/]+)\/?$/.exec(href) ?? [];
  return { kind: kind ?? 'unknown', id: id ?? href };
}
