import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { checkedValues, readText } from '../checked-file.ts';
import type { Subscription } from '../config.ts';
import type { Finding } from '../problem.ts';
import { identifies } from '../request-header.ts';
import { oneOf, section } from '../schema-values.ts';
import { isMap, mapOf, select } from '../tree.ts';
import type { Tree, TreeMap } from '../tree.ts';
import { source, upstreamOf } from './source-entry.ts';
import type { RememberedSource } from './source-entry.ts';

const schema = section({
  policy: oneOf(['full', 'metadata-only']).prefault('full'),
  repositories: z.array(source, { error: 'must be a list of sources' }).min(1, { error: 'must name a source' }),
});

/** What a snapshot is made of. */
export interface SnapshotSources {
  readonly policy: 'full' | 'metadata-only';
  /** In the order of the file. */
  readonly sources: readonly (
    | { readonly upstream: Subscription; readonly remembered: RememberedSource }
    | { readonly snapshot: string; /** Put before each path; '' for none. */ readonly prefix: string }
  )[];
}

/** Reads the file of `hub snapshot create --from`. @throws ConfigInvalidError with everything that is wrong. */
export function loadSources(file: string, credentialsDirectory: string | null): SnapshotSources {
  const values = checkedValues(readText(file), file, { schema, findings });
  const directory = dirname(resolve(file));
  return {
    policy: values.policy,
    sources: values.repositories.map((each, index) => {
      if ('snapshot' in each) return { snapshot: each.snapshot, prefix: each.path ?? '' };
      const upstream = upstreamOf(each, `source-${index}`, { directory, credentialsDirectory });
      return { upstream, remembered: { directory, entry: each } };
    }),
  };
}

function findings(root: Tree): readonly Finding[] {
  const seen = new Set<string>();
  const isRemembered = mapOf(root)['policy'] === 'metadata-only';
  return select(root, ['repositories', '*']).flatMap(({ path: at, value }): Finding[] => {
    const keys = mapOf(value);
    const found: Finding[] = [];
    if ((keys['username'] === undefined) !== (keys['passwordFile'] === undefined)) {
      found.push({ path: at, message: 'username and passwordFile go together' });
    }
    if (keys['repoGpgCheck'] === true && keys['gpgKey'] === undefined) {
      found.push({ path: [...at, 'repoGpgCheck'], message: 'needs gpgKey beside it' });
    }
    if (keys['content'] === 'file') {
      for (const key of ['gpgKey', 'repoGpgCheck'] as const)
        if (keys[key] !== undefined && keys[key] !== false)
          found.push({ path: [...at, key], on: 'key', message: 'has no meaning for content: file' });
    }
    if (isRemembered) {
      for (const name of spokenHeaders(keys))
        found.push({
          path: [...at, 'headers', name],
          message: 'must be { file: NAME }: a metadata-only snapshot remembers its sources, and never a secret',
        });
    }
    const { path: own, type } = keys;
    if (type === 'yum' && typeof own === 'string') {
      if (seen.has(own)) found.push({ path: [...at, 'path'], message: 'is the path of another source' });
      seen.add(own);
    }
    return found;
  });
}

/** Headers that tell who asks, with their value in the file itself. */
function spokenHeaders({ headers }: TreeMap): readonly string[] {
  return Object.entries(mapOf(headers)).flatMap(([name, value]) => (identifies(name) && !isMap(value) ? [name] : []));
}
