import { z } from 'zod';
import { digestOf, parseDigest } from '../base/digest.ts';
import type { Digest } from '../base/digest.ts';

const digest = z.custom<Digest>((value) => typeof value === 'string' && parseDigest(value) === value);
const listed = z.object({ digest, size: z.int().min(0) });
const href = z.string().min(1).max(4096);

/** An installation tree, as a generation document has it: href → digest of what its `.treeinfo` gives a checksum. */
const tree = z.object({
  files: z.record(href, digest),
  variants: z.array(z.string()).readonly(),
  unusable: z.int().min(0),
});

/** One repository of a snapshot: what a generation document of a PoP says of it, but for whose its bytes are there. */
const snapshotRepository = z.object({
  /** Plain files, with their PULP_MANIFEST as `repomd`; absent: packages. */
  content: z.literal('file').optional(),
  guard: z.object({ kind: z.string(), name: z.string() }).nullable(),
  repomd: listed,
  asc: listed.nullable(),
  key: listed.nullable(),
  treeinfo: listed.nullable(),
  /** What that says; absent: nothing. Sizes are those of the stored files. */
  tree: tree.optional(),
  records: z.record(href, listed),
  map: digest.nullable(),
  /** What its primary lists. Bytes. */
  packages: z.object({ count: z.int().min(0), bytes: z.int().min(0), unservable: z.int().min(0) }),
});

/** A set of repositories, each pinned by its repomd.xml: immutable, named by a hub. */
export const snapshotDocument = z.object({
  format: z.literal(1),
  name: z.string(),
  /** RFC 3339. */
  created: z.iso.datetime(),
  /** `full`: the hub has every package; `metadata-only`: it has what lists them, and knows where they come from. */
  policy: z.enum(['full', 'metadata-only']),
  /** See `contentOf`. */
  content: digest,
  repositories: z.record(z.string(), snapshotRepository),
});

export type SnapshotDocument = z.output<typeof snapshotDocument>;
export type SnapshotRepository = z.output<typeof snapshotRepository>;

/** Names of snapshots and channels: they are parts of keys and URLs. */
export function isSnapshotName(text: string): boolean {
  return text.length <= 100 && /^[a-z0-9][a-z0-9._-]*$/.test(text);
}

/** By this two snapshots are of the same content, whatever they are called and when they were made. */
export function contentOf({ policy, repositories }: Pick<SnapshotDocument, 'policy' | 'repositories'>): Digest {
  return digestOf(JSON.stringify(sorted({ policy, repositories })));
}

/** The same value with the keys of all its objects in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
