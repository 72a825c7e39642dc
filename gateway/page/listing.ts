import { html } from 'hono/html';
import { encodePath } from '../../http/request-path.ts';
import { type Markup, type Page, page } from './document.ts';
import { bytesText } from './figures.ts';

export interface ListingEntry {
  /** Decoded, without slashes. */
  readonly name: string;
  readonly kind: 'directory' | 'file';
  /** Bytes; null for directories and where nobody knows. */
  readonly size: number | null;
}

export interface Listing {
  /** The path of the request, decoded; begins and ends with `/`. */
  readonly path: string;
  /** The part of `path` that is the repository's own top, ending with `/`: nothing above it can be listed. */
  readonly top: string;
  /** In any order; shown directories first, then by name. */
  readonly entries: readonly ListingEntry[];
  /** Id of the generation that the listing shows; null when there is none to name. */
  readonly generation: string | null;
}

/**
 * A directory of a repository, for people. Its links are relative and percent-encoded as clients' requests are, so
 * it holds under any alias. Programs find packages by the metadata.
 */
export function listingPage(listing: Listing): Promise<Page> {
  const { path, top, generation } = listing;
  const entries = listing.entries.toSorted(
    (one, other) => compare(one.kind, other.kind) || compare(one.name, other.name),
  );
  const up = html`<tr>
    <td><a class="path" href="../">../</a></td>
    <td class="number"></td>
  </tr> `;
  return page(path, upwards(depth(path)), {
    head: html`<nav aria-label="Path">${trail(path, top)}</nav>`,
    main: html`<section class="card">
      ${generation === null ? '' : html`<p class="soft">As of generation <code>${generation}</code>.</p>`}
      <table class="listing">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" class="number">Size</th>
          </tr>
        </thead>
        <tbody>
          ${path === top ? '' : up}${entries.map(row)}
        </tbody>
      </table>
      ${entries.length === 0 ? html`<p>Nothing is listed here.</p>` : ''}
    </section>`,
  });
}

function row({ name, kind, size }: ListingEntry): Markup {
  const slash = kind === 'directory' ? '/' : '';
  return html`<tr>
    <td><a class="path" href="./${encodePath(name)}${slash}">${name}${slash}</a></td>
    <td class="number" ${size === null ? '' : html` title="${size} bytes"`}>${size === null ? '' : bytesText(size)}</td>
  </tr> `;
}

/** The path with a link on each directory of the repository above this one. */
function trail(path: string, top: string): Markup {
  const below = path.slice(top.length).split('/').filter(Boolean);
  const steps = [top, ...below.map((name) => `${name}/`)];
  return html`<span class="path"
    >${steps.map((step, index) => {
      const levels = steps.length - 1 - index;
      return levels === 0 ? html`<span class="step">${step}</span>` : html`<a href="${upwards(levels)}">${step}</a>`;
    })}</span
  >`;
}

function depth(path: string): number {
  return path.split('/').length - 2;
}

function upwards(levels: number): string {
  return '../'.repeat(levels) || './';
}

/** By code unit: the same on every machine. */
function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
