import { algorithmOf, hexOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';

const originsOf = (name: string): string => `private/origins/${name}/`;

/** Where each kind of object is in a hub's store; `docs/hub-store.md` is normative. */
export const keysOf = {
  format: 'FORMAT',
  blob: (digest: Digest): string => `public/blobs/${algorithmOf(digest)}/${hexOf(digest).slice(0, 2)}/${hexOf(digest)}`,
  /** A file whose digest can be forged: of one scope alone. */
  ownBlob: (digest: Digest, scope: string): string =>
    `public/blobs/${algorithmOf(digest)}/${scope}/${hexOf(digest).slice(0, 2)}/${hexOf(digest)}`,
  /** There: the file came with credentials, and is only for scopes that have a proof. */
  closed: (digest: Digest): string =>
    `private/closed/${hexOf(digest).slice(0, 2)}/${algorithmOf(digest)}-${hexOf(digest)}`,
  proof: (digest: Digest, scope: string): string =>
    `private/proofs/${scope}/${hexOf(digest).slice(0, 2)}/${algorithmOf(digest)}-${hexOf(digest)}`,
  map: (primary: Digest): string => `public/maps/${hexOf(primary).slice(0, 2)}/${hexOf(primary)}`,
  snapshots: 'public/snapshots/',
  snapshot: (name: string): string => `public/snapshots/${name}.jws`,
  /** Where a snapshot of this name and content comes from. */
  origins: (name: string, content: Digest): string => `${originsOf(name)}${hexOf(content)}.jws`,
  originsOf,
  /** What people said of packages of a snapshot. */
  notes: (name: string): string => `private/notes/${name}.json`,
  notesAll: 'private/notes/',
  /** What gates said of snapshots. */
  reports: 'private/reports/',
  reportsOf: (name: string): string => `private/reports/${name}/`,
  /** There: the snapshot is to go, or is gone. */
  retired: (name: string): string => `private/retired/${name}.json`,
  retirements: 'private/retired/',
  /** Who makes a snapshot or collects now. */
  leases: 'private/leases/',
  blobs: 'public/blobs/',
  maps: 'public/maps/',
  closedAll: 'private/closed/',
  proofs: 'private/proofs/',
  originsAll: 'private/origins/',
  channels: 'public/channels/',
  channel: (name: string): string => `public/channels/${name}.jws`,
  channelHistory: (name: string): string => `private/channels/${name}/`,
  channelBefore: (name: string, sequence: number): string =>
    `private/channels/${name}/${String(sequence).padStart(9, '0')}.jws`,
  /** The last signed assignment of a PoP. */
  assignment: (pop: string): string => `public/assignments/${pop}.jws`,
  /** Rules from which assignments are made. */
  assignments: 'private/assignments.json',
  tokens: 'private/tokens/',
  token: (id: string): string => `private/tokens/${id}.json`,
  operators: 'private/operators/',
  operator: (id: string): string => `private/operators/${id}.json`,
  pops: 'private/pops/',
  pop: (id: string): string => `private/pops/${id}.json`,
  popName: (name: string): string => `private/pop-names/${name}.json`,
  heartbeat: (pop: string): string => `private/heartbeats/${pop}.json`,
  audit: 'private/audit/',
  publicKeys: 'public/keys.json',
  epoch: 'public/epoch.json',
} as const;
