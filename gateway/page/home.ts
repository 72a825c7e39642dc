import { html } from 'hono/html';
import type { CacheStatus, FollowingStatus, RepositoryStatus, SubscriptionStatus } from '../../base/status.ts';
import { encodePath } from '../../http/request-path.ts';
import type { Catalog, CatalogSubscription } from './catalog.ts';
import { type Markup, type Page, page } from './document.ts';
import { bytesText, countText } from './figures.ts';
import { ago, chip, share } from './parts.ts';
import { repoFileUrl, repoText } from './repo-text.ts';

/**
 * What a PoP has, and how a host uses it: the page at `/`. Links are relative to it.
 * @param now wall clock, milliseconds since the epoch.
 */
export async function homePage(catalog: Catalog, now: number): Promise<Page> {
  const status = await catalog.status();
  const subscriptions = catalog.subscriptions();
  const sections = status.subscriptions.map((subscription) =>
    subscriptionCard(
      subscription,
      subscriptions.find(({ name }) => name === subscription.name),
      { now, publicUrl: catalog.publicUrl },
    ),
  );
  const empty = html`<section class="card">
    <p>Nothing is subscribed yet: the configuration names no subscription.</p>
  </section>`;
  return page(`waystation · ${catalog.publicUrl}`, './', {
    head: html`${chip(status.state)}
      <span class="soft">package repositories at <code>${catalog.publicUrl}</code></span>`,
    main: html`${sections.length === 0 ? empty : sections} ${cacheCard(status.cache, now)}
      <p class="soft">waystation ${status.version}</p>`,
  });
}

interface Surroundings {
  readonly now: number;
  readonly publicUrl: string;
}

function subscriptionCard(
  status: SubscriptionStatus,
  catalogued: CatalogSubscription | undefined,
  { now, publicUrl }: Surroundings,
): Markup {
  const { name, state, generation, published, checked, policy, repositories, rolledBack, hub } = status;
  const heading = `subscription-${name}`;
  return html`<section class="card" aria-labelledby="${heading}">
    <div class="head">
      <h2 id="${heading}">${name}</h2>
      ${chip(state)}
    </div>
    <ul class="facts">
      <li>
        ${
          generation === null
            ? html`no generation yet`
            : html`generation <b><code>${generation}</code></b
                >, <b>${ago(published, now)}</b>`
        }
      </li>
      <li>last looked <b>${ago(checked, now)}</b></li>
      <li>policy <b>${policy}</b></li>
      ${hub.following === undefined ? '' : followed(hub.following, status.snapshot ?? null)}
    </ul>
    ${hub.following?.problem ? html`<p class="reason">${hub.following.problem}</p>` : ''}
    ${rolledBack === null ? '' : rolledBackNote(generation, rolledBack, now)}
    ${repositories.length === 0 ? html`<p>No repositories yet.</p>` : repositoryTable(repositories, now)}
    ${catalogued === undefined ? '' : usage(catalogued, publicUrl)}
    ${catalogued === undefined || published === null ? '' : goingBack(catalogued, published, publicUrl)}
  </section> `;
}

/** The channel, and what of it is served; where it has gone on to when that is not served yet. */
function followed({ channel, snapshot }: FollowingStatus, served: string | null): Markup {
  const shown = served === null ? html`nothing of it yet` : html`snapshot <b>${served}</b>`;
  const ahead = snapshot === null || snapshot === served ? '' : html`, on the way to <b>${snapshot}</b>`;
  return html`<li>channel <b>${channel}</b>, ${shown}${ahead}</li>`;
}

function rolledBackNote(
  generation: string | null,
  { since, newest }: NonNullable<SubscriptionStatus['rolledBack']>,
  now: number,
): Markup {
  const ahead = newest === generation ? html`which is the newest` : html`the newest is <code>${newest}</code>`;
  return html`<p class="reason">
    Rolled back to <code>${generation}</code> ${ago(since, now)}; ${ahead}. New ones are kept, and none is served before
    a release.
  </p>`;
}

/** yum 3 takes no repomd.xml older than its own: such a host goes back by an address that it has not seen. */
function goingBack({ name, repositories }: CatalogSubscription, published: string, publicUrl: string): Markup {
  const [first] = repositories;
  if (first === undefined) return html``;
  const dated = `${publicUrl}/generations/@${published}/${encodePath(first.path)}/`;
  return html`<details>
    <summary>Stay at a date, or go back on EL7</summary>
    <p>
      Every kept generation stays at an address of its own, by date:
      <code>${dated}</code>. A host with that <code>baseurl</code> keeps what was newest here then. dnf follows when
      this server goes back by <code>waystation rollback ${name}</code>; yum of EL7 refuses metadata older than what it
      has: give it the address with a date in a section of another name, or run <code>yum clean metadata</code> on it.
    </p>
  </details>`;
}

/** Roles are spelt out: on a narrow screen the rows become blocks, and browsers then forget that it is a table. */
function repositoryTable(repositories: readonly RepositoryStatus[], now: number): Markup {
  return html`<table class="repositories" role="table">
    <thead role="rowgroup">
      <tr role="row">
        <th role="columnheader" scope="col">Repository</th>
        <th role="columnheader" scope="col">State</th>
        <th role="columnheader" scope="col" class="number">Packages held</th>
        <th role="columnheader" scope="col" class="number">Bytes held</th>
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${repositories.map((repository) => repositoryRow(repository, now))}
    </tbody>
  </table>`;
}

function repositoryRow({ path, state, reason, since, packages, bytes }: RepositoryStatus, now: number): Markup {
  const { held, listed, unservable } = packages;
  const label = `${held} of ${listed} packages held`;
  return html`<tr role="row">
    <td role="cell"><a class="path" href="content/${encodePath(path)}/">${path}</a></td>
    <td role="cell">
      ${chip(state)}
      <span class="soft">${ago(since, now)}</span>${reason === null ? '' : html`<div class="reason">${reason}</div>`}
    </td>
    <td role="cell" class="number" data-label="Packages held">
      ${countText(held)} of
      ${countText(listed)}${share(held, listed, label)}${
        unservable === 0 ? '' : html`<div class="reason">${countText(unservable)} unservable</div>`
      }
    </td>
    <td role="cell" class="number" data-label="Bytes held">${bytesText(bytes.held)} of ${bytesText(bytes.listed)}</td>
  </tr> `;
}

function usage(subscription: CatalogSubscription, publicUrl: string): Markup {
  const { name, keys } = subscription;
  const file = `${encodePath(name)}.repo`;
  return html`<h3>Use it on a host</h3>
    <pre
      tabindex="0"
      role="group"
      aria-label="Commands"
    ><code>sudo curl -fo /etc/yum.repos.d/${file} ${repoFileUrl(publicUrl, name)}
sudo dnf makecache</code></pre>
    <details>
      <summary>What the .repo file says</summary>
      <pre
        tabindex="0"
        role="group"
        aria-label="Text of ${file}"
      ><code>${repoText(subscription, publicUrl)}</code></pre>
    </details>
    <p>
      <a href="repo-files/${file}">${file}</a>${keys.map(
        (_, index) => html` &middot; <a href="keys/${encodePath(name)}/${index + 1}.asc">key ${index + 1}</a>`,
      )}
    </p>`;
}

function cacheCard(cache: CacheStatus, now: number): Markup {
  const { state, reason, bytes, max, free, blobs, pinnedBytes, evictableBytes, next } = cache;
  const used = `${bytesText(bytes)} of ${bytesText(max)}`;
  return html`<section class="card cache" aria-labelledby="cache">
    <div class="head">
      <h2 id="cache">Cache</h2>
      ${chip(state)}
    </div>
    <p>${used} used by ${countText(blobs)} ${blobs === 1 ? 'file' : 'files'}, ${bytesText(free)} free on the disk.</p>
    ${reason === null ? '' : html`<p class="reason">${reason}</p>`}
    <p class="soft">
      ${bytesText(pinnedBytes)} stay in any case, ${bytesText(evictableBytes)} may go to make
      room${next === null ? '' : html`; what goes next was last needed ${ago(next.since, now)}`}.
    </p>
    ${share(bytes, max, `${used} used`)}
  </section>`;
}
