import type { GenerationDocument } from '../../base/generation.ts';
import type { SubscriptionStatus } from '../../base/status.ts';
import type { Notes } from '../store.ts';
import { readNote } from '../subscription-note.ts';
import type { SubscriptionStanding } from './parts.ts';

/** How subscriptions stand, by what the running service says. */
export function standingByStatus(
  statusOf: (name: string) => Promise<Pick<SubscriptionStatus, 'checked' | 'repositories'>>,
): (name: string) => Promise<SubscriptionStanding> {
  return async (name) => {
    const found = await statusOf(name);
    const unpublished = found.repositories.filter(({ repomd, state }) => repomd === null && state === 'pending');
    const pending = unpublished.map(({ path, reason }) => ({ path, reason: reason ?? 'not read yet' }));
    return { checked: found.checked, pending };
  };
}

/** The same from the configuration and what the last service noted: a hub that lists more is not asked. */
export function standingWithoutService(
  subscriptions: readonly { readonly name: string; readonly repositories: readonly { readonly path: string }[] }[],
  { notes, current }: { notes: Notes; current: (subscription: string) => GenerationDocument | null },
): (name: string) => Promise<SubscriptionStanding> {
  return async (name) => {
    const { checked, members } = await readNote(notes, name);
    const configured = subscriptions.find((each) => each.name === name)?.repositories ?? [];
    const noted = Object.entries(members).flatMap(([path, { leftSince }]) => (leftSince === null ? [path] : []));
    const published = current(name)?.repositories ?? {};
    const wanted = new Set([...configured.map(({ path }) => path), ...noted]);
    const pending = [...wanted].filter((path) => published[path] === undefined);
    return {
      checked: checked === null ? null : new Date(checked).toISOString(),
      pending: pending.map((path) => ({ path, reason: 'never published' })),
    };
  };
}
