import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { checkedValues, readText } from '../checked-file.ts';
import type { Subscription } from '../config.ts';
import type { Finding } from '../problem.ts';
import { repositoryPathProblem } from '../repository-path.ts';
import { resolveSubscription } from '../resolve-subscription.ts';
import { upstreamAccess } from '../schema-hub.ts';
import { fileName, oneOf, plainText, section, trueOrFalse, webUrl } from '../schema-values.ts';
import { subscription } from '../schema-subscription.ts';
import { mapOf, select } from '../tree.ts';
import type { Tree } from '../tree.ts';

const path = plainText('must be a path', repositoryPathProblem);

/** Exactly one of the three; which one is told by `type`, or by `snapshot`. */
const source = z.union(
  [
    section({
      type: z.literal('yum'),
      path,
      url: webUrl(),
      gpgKey: fileName.optional(),
      repoGpgCheck: trueOrFalse.optional(),
      ...upstreamAccess,
    }),
    section({
      type: z.literal('pulp'),
      url: webUrl(),
      domain: z.string({ error: 'must be text' }).prefault('default'),
      select: z.string({ error: 'must be text' }).min(1).optional(),
      path: path.optional().describe('Put before each path'),
      ...upstreamAccess,
    }),
    section({ snapshot: z.string({ error: 'must be the name of a snapshot' }), path: path.optional() }),
  ],
  { error: 'must be { path, type: yum, url }, { type: pulp, url }, or { snapshot: NAME }' },
);

const schema = section({
  policy: oneOf(['full', 'metadata-only']).prefault('full'),
  repositories: z.array(source, { error: 'must be a list of sources' }).min(1, { error: 'must name a source' }),
});

/** What a snapshot is made of. */
export interface SnapshotSources {
  readonly policy: 'full' | 'metadata-only';
  /** In the order of the file. */
  readonly sources: readonly (
    | { readonly upstream: Subscription }
    | { readonly snapshot: string; /** Put before each path; '' for none. */ readonly prefix: string }
  )[];
}

/** Reads the file of `hub snapshot create --from`. @throws ConfigInvalidError with everything that is wrong. */
export function loadSources(file: string, credentialsDirectory: string | null): SnapshotSources {
  const values = checkedValues(readText(file), file, { schema, findings });
  const places = { directory: dirname(resolve(file)), credentialsDirectory };
  return {
    policy: values.policy,
    sources: values.repositories.map((each, index) => {
      if ('snapshot' in each) return { snapshot: each.snapshot, prefix: each.path ?? '' };
      const name = `source-${index}`;
      const asked =
        each.type === 'yum'
          ? { name, hub: { type: 'yum' }, repositories: [{ ...each, type: undefined }] }
          : { name, hub: { ...each, path: undefined, select: undefined }, prefix: each.path, select: each.select };
      const parsed = subscription.parse(JSON.parse(JSON.stringify(asked)));
      return { upstream: resolveSubscription(parsed, { upstream: { noProxy: [] }, places }) };
    }),
  };
}

function findings(root: Tree): readonly Finding[] {
  const seen = new Set<string>();
  return select(root, ['repositories', '*']).flatMap(({ path: at, value }): Finding[] => {
    const keys = mapOf(value);
    const found: Finding[] = [];
    if ((keys['username'] === undefined) !== (keys['passwordFile'] === undefined)) {
      found.push({ path: at, message: 'username and passwordFile go together' });
    }
    if (keys['repoGpgCheck'] === true && keys['gpgKey'] === undefined) {
      found.push({ path: [...at, 'repoGpgCheck'], message: 'needs gpgKey beside it' });
    }
    const { path: own, type } = keys;
    if (type === 'yum' && typeof own === 'string') {
      if (seen.has(own)) found.push({ path: [...at, 'path'], message: 'is the path of another source' });
      seen.add(own);
    }
    return found;
  });
}
