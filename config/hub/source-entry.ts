import { z } from 'zod';
import type { Subscription } from '../config.ts';
import type { FilePlaces } from '../file-reference.ts';
import { repositoryPathProblem } from '../repository-path.ts';
import { resolveSubscription } from '../resolve-subscription.ts';
import { upstreamAccess } from '../schema-hub.ts';
import { subscription } from '../schema-subscription.ts';
import { fileName, oneOf, plainText, section, trueOrFalse, webUrl } from '../schema-values.ts';

const path = plainText('must be a path', repositoryPathProblem);

const yum = section({
  type: z.literal('yum'),
  path,
  url: webUrl(),
  content: oneOf(['rpm', 'file']).optional(),
  gpgKey: fileName.optional(),
  repoGpgCheck: trueOrFalse.optional(),
  ...upstreamAccess,
});

const pulp = section({
  type: z.literal('pulp'),
  url: webUrl(),
  domain: z.string({ error: 'must be text' }).prefault('default'),
  select: z.string({ error: 'must be text' }).min(1).optional(),
  path: path.optional().describe('Put before each path'),
  ...upstreamAccess,
});

const upstream = z.union([yum, pulp]);

/** A source of a snapshot. Exactly one of the three; which one is told by `type`, or by `snapshot`. */
export const source = z.union(
  [yum, pulp, section({ snapshot: z.string({ error: 'must be the name of a snapshot' }), path: path.optional() })],
  { error: 'must be { path, type: yum, url }, { type: pulp, url }, or { snapshot: NAME }' },
);

export type UpstreamEntry = z.output<typeof upstream>;

/**
 * An upstream of a snapshot, as its file named it, to be asked again later: secrets are in it by the names of their
 * files alone, which are looked for where they were at first.
 */
export interface RememberedSource {
  /** Of the file that named it, absolute. */
  readonly directory: string;
  readonly entry: Readonly<Record<string, unknown>>;
}

/** The upstream of an entry, as a subscription would have it. @param name for messages. */
export function upstreamOf(entry: UpstreamEntry, name: string, places: FilePlaces): Subscription {
  const asked =
    entry.type === 'yum'
      ? { name, hub: { type: 'yum' }, repositories: [{ ...entry, type: undefined }] }
      : { name, hub: { ...entry, path: undefined, select: undefined }, prefix: entry.path, select: entry.select };
  const parsed = subscription.parse(JSON.parse(JSON.stringify(asked)));
  return resolveSubscription(parsed, { upstream: { noProxy: [] }, places });
}

/** The upstream that was remembered; null when this version cannot read what is remembered of it. */
export function rememberedUpstream(
  { directory, entry }: RememberedSource,
  credentialsDirectory: string | null,
): Subscription | null {
  const parsed = upstream.safeParse(entry);
  return parsed.success ? upstreamOf(parsed.data, 'origin', { directory, credentialsDirectory }) : null;
}
