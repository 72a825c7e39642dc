import type { Digest } from '../../base/digest.ts';
import { asWaystationError } from '../../base/errors.ts';
import { possessionScope } from '../../base/generation.ts';
import { pinnedFiles } from '../../cache/generations/pinned-files.ts';
import { newestName } from '../../mirror/newest-packages.ts';
import { newestOf } from '../package-policy.ts';
import { lackingFile } from './lacking.ts';
import type { ListedFile } from './lacking.ts';
import { withNevras } from './nevras.ts';
import type { HeldFiles, Lacking, LookedAt, ReadinessParts, SubscriptionFacts } from './parts.ts';
import { problemText } from './report.ts';
import type { RepositoryReady } from './report.ts';

/** Files whose holding is looked up at a time. */
const together = 32;

interface Found {
  readonly repository: RepositoryReady;
  readonly lacking: readonly Lacking[];
}

/**
 * What a repository lacks of its metadata, and of what its policy promises.
 * @param named false: packages are counted by the index, and none that is missing is named.
 */
export async function repositoryReady(
  at: LookedAt,
  { store, metadata: held }: Pick<ReadinessParts, 'store' | 'metadata'>,
  named: boolean,
  signal: AbortSignal,
): Promise<Found> {
  const { facts, path, document } = at;
  const policy = facts.policyOf(path);
  const files = pinnedFiles(document).map(([href, listed]) => ({ href, listed, nevra: null }));
  const metadata = await missingOf(files, at, held, signal);
  const holdings = await store.holdings(path, document);
  const problems: string[] = [];
  let promised: RepositoryReady['promised'] = null;
  let packages: readonly ListedFile[] = [];
  const map = promisedMap(at);
  if (document.map !== null) {
    try {
      // A map that is lost lists nothing, which would look like an empty repository.
      await held.find(document.map, '');
      if (map !== null && named) {
        const of = await promisedOf(map, at, held, signal);
        packages = await withNevras(of.missing, at, held, signal);
        const bytes = of.missing.reduce((sum, { listed }) => sum + listed.size, 0);
        promised = { listed: of.listed, held: of.listed - of.missing.length, bytes };
      } else if (map !== null) {
        const { packages: counted, bytes } = await store.holdings(path, { ...document, map });
        promised = { listed: counted.listed, held: counted.held, bytes: bytes.listed - bytes.held };
      }
    } catch (thrown) {
      signal.throwIfAborted();
      problems.push(problemText(asWaystationError(thrown)));
    }
  }
  const key = await keyOf(at, problems);
  const short = promised !== null && promised.held < promised.listed;
  const lacks = problems.length > 0 || metadata.length > 0 || short;
  return {
    repository: {
      path,
      state: !facts.isOpen(path) ? 'closed' : lacks ? 'lacking' : 'ready',
      policy,
      metadata: { listed: files.length, held: files.length - metadata.length },
      packages: holdings.packages,
      bytes: holdings.bytes,
      promised,
      key,
      problems,
    },
    lacking: [
      ...metadata.map((file) => lackingFile(at, file, 'metadata')),
      ...packages.map((file) => lackingFile(at, file, 'policy')),
    ],
  };
}

/** A repository that is wanted and was never published: nothing of it is here. */
export function pendingRepository(facts: SubscriptionFacts, path: string, reason: string): RepositoryReady {
  return {
    path,
    state: 'pending',
    policy: facts.policyOf(path),
    metadata: { listed: 0, held: 0 },
    packages: { listed: 0, held: 0, unservable: 0 },
    bytes: { listed: 0, held: 0 },
    promised: null,
    key: null,
    problems: [reason],
  };
}

/** The map of what the policy promises; null: nothing. */
function promisedMap({ facts, path, document }: LookedAt): Digest | null {
  const policy = facts.policyOf(path);
  const versions = newestOf(policy);
  if (versions !== null) return document.map === null ? null : newestName(document, versions);
  return policy === 'full' ? document.map : null;
}

async function promisedOf(
  map: Digest,
  at: LookedAt,
  held: HeldFiles,
  signal: AbortSignal,
): Promise<{ readonly listed: number; readonly missing: readonly ListedFile[] }> {
  const missing: ListedFile[] = [];
  let batch: ListedFile[] = [];
  let listed = 0;
  for await (const { href, listed: file } of held.packages(map)) {
    listed += 1;
    batch.push({ href, listed: file, nevra: null });
    if (batch.length < together) continue;
    missing.push(...(await missingOf(batch, at, held, signal)));
    batch = [];
  }
  missing.push(...(await missingOf(batch, at, held, signal)));
  return { listed, missing };
}

async function missingOf(
  files: readonly ListedFile[],
  { path, document }: LookedAt,
  held: HeldFiles,
  signal: AbortSignal,
): Promise<readonly ListedFile[]> {
  signal.throwIfAborted();
  const answers = await Promise.all(
    files.map(({ listed }) => held.holds(possessionScope(document.scope, path, listed), listed)),
  );
  return files.filter((_, index) => answers[index] === false);
}

async function keyOf({ facts, path, document }: LookedAt, problems: string[]): Promise<RepositoryReady['key']> {
  try {
    if (await facts.hasKey(path)) return 'configured';
  } catch (thrown) {
    problems.push(problemText(asWaystationError(thrown)));
  }
  return document.key === null ? null : 'hub';
}
