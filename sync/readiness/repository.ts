import type { Digest, Listed } from '../../base/digest.ts';
import { asWaystationError } from '../../base/errors.ts';
import { possessionScope } from '../../base/generation.ts';
import { pinnedFiles } from '../../cache/generations/pinned-files.ts';
import { newestName } from '../../mirror/newest-packages.ts';
import { newestOf } from '../package-policy.ts';
import { countOf } from './denied-files.ts';
import type { DeniedFiles } from './denied-files.ts';
import { lackingFile } from './lacking.ts';
import type { ListedFile } from './lacking.ts';
import { withNevras } from './nevras.ts';
import type { HeldFiles, Lacking, LookedAt, ReadinessParts, SubscriptionFacts } from './parts.ts';
import { problemText } from './report.ts';
import type { Promised, RepositoryReady } from './report.ts';

/** Files whose holding is looked up at a time. */
const together = 32;

export interface RepositoryParts extends Pick<ReadinessParts, 'store' | 'metadata'> {
  readonly denied: DeniedFiles;
}

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
  { store, metadata: held, denied }: RepositoryParts,
  named: boolean,
  signal: AbortSignal,
): Promise<Found> {
  const { facts, path, document } = at;
  const policy = facts.policyOf(path);
  const files = pinnedFiles(document).map(([href, listed]) => ({ href, listed, nevra: null }));
  const refused = files.filter(({ listed }) => denied.has(listed));
  const metadata = await missingOf(
    files.filter((file) => !refused.includes(file)),
    at,
    held,
    signal,
  );
  const holdings = await store.holdings(path, document);
  // Hosts are refused it, so the rest is of no use.
  const problems = refused.map(({ href }) => `denied by the hub: ${path}/${href}`);
  let promised: Promised | null = null;
  let packages: readonly ListedFile[] = [];
  const map = promisedMap(at);
  if (document.map !== null) {
    try {
      // A map that is lost lists nothing, which would look like an empty repository.
      await held.find(document.map, '');
      if (map !== null && named) {
        const { missing, ...counts } = await promisedOf(map, at, { held, denied }, signal);
        packages = await withNevras(missing, at, held, signal);
        promised = counts;
      } else if (map !== null) {
        promised = await promisedByCount(map, at, { store, held, denied });
      }
    } catch (thrown) {
      signal.throwIfAborted();
      problems.push(problemText(asWaystationError(thrown)));
    }
  }
  const key = await keyOf(at, problems);
  const short = promised !== null && missingCount(promised) > 0;
  const lacks = problems.length > 0 || metadata.length > 0 || short;
  return {
    repository: {
      path,
      state: !facts.isOpen(path) ? 'closed' : lacks ? 'lacking' : 'ready',
      policy,
      metadata: { listed: files.length, held: files.length - metadata.length - refused.length },
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

export function missingCount({ listed, held, denied }: Promised): number {
  return listed - held - denied.files;
}

/** The map of what the policy promises; null: nothing. */
function promisedMap({ facts, path, document }: LookedAt): Digest | null {
  const policy = facts.policyOf(path);
  const versions = newestOf(policy);
  if (versions !== null) return document.map === null ? null : newestName(document, versions);
  return policy === 'full' ? document.map : null;
}

interface Looks {
  readonly held: HeldFiles;
  readonly denied: DeniedFiles;
}

/** Looks at every file. */
async function promisedOf(
  map: Digest,
  at: LookedAt,
  { held, denied }: Looks,
  signal: AbortSignal,
): Promise<Promised & { readonly missing: readonly ListedFile[] }> {
  const missing: ListedFile[] = [];
  const refused: Listed[] = [];
  let batch: ListedFile[] = [];
  let listed = 0;
  for await (const { href, listed: file } of held.packages(map)) {
    listed += 1;
    if (denied.has(file)) refused.push(file);
    else batch.push({ href, listed: file, nevra: null });
    if (batch.length < together) continue;
    missing.push(...(await missingOf(batch, at, held, signal)));
    batch = [];
  }
  missing.push(...(await missingOf(batch, at, held, signal)));
  return {
    listed,
    held: listed - missing.length - refused.length,
    bytes: countOf(missing.map((file) => file.listed)).bytes,
    denied: countOf(refused),
    missing,
  };
}

/** The same by the index, but for what is denied. */
async function promisedByCount(
  map: Digest,
  { path, document }: LookedAt,
  { store, held, denied }: Looks & Pick<ReadinessParts, 'store'>,
): Promise<Promised> {
  const { packages, bytes } = await store.holdings(path, { ...document, map });
  const refused = await denied.of(map);
  const there = await Promise.all(
    refused.map((listed) => held.holds(possessionScope(document.scope, path, listed), listed)),
  );
  const [stored, absent] = [true, false].map((is) => countOf(refused.filter((_, index) => there[index] === is)));
  return {
    listed: packages.listed,
    held: packages.held - (stored?.files ?? 0),
    bytes: bytes.listed - bytes.held - (absent?.bytes ?? 0),
    denied: countOf(refused),
  };
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
