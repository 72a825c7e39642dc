import { algorithmOf, hexOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';

/** Where each kind of object is in a hub's store; `docs/hub-store.md` is normative. */
export const keysOf = {
  format: 'FORMAT',
  blob: (digest: Digest): string => `public/blobs/${algorithmOf(digest)}/${hexOf(digest).slice(0, 2)}/${hexOf(digest)}`,
  map: (primary: Digest): string => `public/maps/${hexOf(primary).slice(0, 2)}/${hexOf(primary)}`,
  snapshots: 'public/snapshots/',
  snapshot: (name: string): string => `public/snapshots/${name}.jws`,
  channels: 'public/channels/',
  channel: (name: string): string => `public/channels/${name}.jws`,
  publicKeys: 'public/keys.json',
} as const;
