import { html } from 'hono/html';
import type { CacheState, ContactState, RepositoryState } from '../../base/status.ts';
import type { Markup } from './document.ts';
import { agoText } from './figures.ts';

const kinds: Record<ContactState | RepositoryState | CacheState, 'good' | 'warn' | 'bad'> = {
  connected: 'good',
  degraded: 'warn',
  disconnected: 'bad',
  current: 'good',
  behind: 'warn',
  pending: 'warn',
  guarded: 'warn',
  orphaned: 'warn',
  ok: 'good',
  full: 'bad',
  'read-only': 'bad',
  failing: 'bad',
};

/** A state as its word on its colour; the word alone says it all. */
export function chip(state: ContactState | RepositoryState | CacheState): Markup {
  return html`<span class="chip ${kinds[state]}">${state}</span>`;
}

/** `3 h ago`, with the time itself for machines and for who hovers; a dash when there is none. */
export function ago(time: string | null, now: number): Markup {
  const text = agoText(time, now);
  if (text === null) return html`&ndash;`;
  return html`<time datetime="${time}" title="${time}">${text}</time>`;
}

/** How much of a whole is there; nothing for an empty whole. */
export function share(part: number, whole: number, label: string): Markup {
  if (whole <= 0) return html``;
  return html`<progress max="${whole}" value="${Math.min(part, whole)}" aria-label="${label}"></progress>`;
}
