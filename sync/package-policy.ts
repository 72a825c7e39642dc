import type { Digest } from '../base/digest.ts';
import { WaystationError } from '../base/errors.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import type { WantedRepository } from '../mirror/discovery.ts';
import type { PackagesResult } from '../mirror/packages.ts';
import type { PackageProgress } from '../mirror/progress.ts';
import { mostNamed } from '../runs/failure-list.ts';
import type { PassContext } from './pass.ts';
import type { Member } from './member.ts';
import type { Run } from './run.ts';
import type { Policy } from './subscription-options.ts';

interface PolicyRead {
  readonly run: Run;
  readonly member: Member;
  readonly repository: WantedRepository;
  readonly document: RepositoryDocument;
  readonly context: Pick<PassContext, 'parts' | 'options'>;
  /** Told when metadata is done with, and only what is fetched ahead is left: that may wait for long. */
  readonly ahead: () => void;
}

/** The N of the policy `newest:N`; null for another one. */
export function newestOf(policy: Policy): number | null {
  return policy.startsWith('newest:') ? Number(policy.slice('newest:'.length)) : null;
}

/**
 * Holds a repository to its policy: every servable package of the document is held when this resolves (`full`), the
 * newest (`newest:N`), or just as many as were (`on-demand`). What is missing is named in the run, path by path.
 * @throws WaystationError that sums up what is missing; the next read goes on with it. `does_not_fit`: nothing was fetched.
 */
export async function fetchPackages(read: PolicyRead, signal: AbortSignal): Promise<void> {
  const { run, member, document } = read;
  const { options, parts } = read.context;
  const policy = options.policyOf(member.path);
  if (policy === 'on-demand') return;
  const map = await wantedMap(read, newestOf(policy), signal);
  if (map === null) return;
  const wanted = { ...document, map };
  const { packages, bytes } = await parts.store.holdings(member.path, wanted);
  const isComplete = packages.held >= packages.listed && packages.listed > 0;
  const stays = await isClaimed(read, wanted);
  if (isComplete && stays && !run.forces(member.path)) return run.held(packages.listed, bytes.listed);
  read.ahead();
  // Before it is their turn: how far the run is shall not go back when that comes.
  run.phase('packages').expect(packages.listed, bytes.listed);
  await run.fetching.run(() => fetchMap(read, wanted, signal));
}

type WantedPackages = RepositoryDocument & { readonly map: Digest };

/** Whether every package is held and stays for this run; those that are held do. */
async function isClaimed({ member, document, context }: PolicyRead, wanted: WantedPackages): Promise<boolean> {
  const { options, parts } = context;
  const served = parts.store.current(options.name)?.repositories[member.path];
  // What is served of a full policy stays by itself; of anything else all has to be claimed, and looked for after that:
  // what an interrupted run left must not make room for what this one fetches first.
  const full = options.policyOf(member.path) === 'full';
  const stays = full && served?.map === document.map && served.scope === document.scope;
  return stays || (await parts.store.holdsAll(member.path, wanted));
}

async function fetchMap(read: PolicyRead, wanted: WantedPackages, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { run, member, repository, document } = read;
  const { parts } = read.context;
  const { path } = member;
  const { map } = wanted;
  if (run.forces(path)) await parts.proof.packages({ path, document, map }, run.phase('held files'), signal);
  const { packages: counted } = await parts.store.holdings(path, wanted);
  const admitted = await parts.admission.admit(path, wanted);
  const packages = run.packages(countingTries(run, member));
  const progress: PackageProgress = {
    ...packages,
    expected: () => {},

    done: (size, fetched, arrived) => {
      packages.done(size, fetched, arrived);
      if (fetched) admitted.fetched(size);
    },
  };
  try {
    tell(read, await parts.packages.fetch({ repository, document, map, progress }, signal), counted.listed);
  } finally {
    admitted.end();
  }
}

/** Names what cannot be had in the run, with how often that was tried in a row; when it is tried again is known later. */
function countingTries(run: Run, member: Member): (href: string, error: WaystationError) => void {
  const before = member.missing;
  const missing = new Map<string, number>();
  member.missing = missing;
  return (href, { code, message }) => {
    const attempts = (before.get(href) ?? 0) + 1;
    if (missing.size < mostNamed) missing.set(href, attempts);
    run.failed({ path: `${member.path}/${href}`, code, reason: message, attempts, nextTry: null });
  };
}

/** The map that lists what the policy wants; null: the repository has no packages. */
async function wantedMap(read: PolicyRead, newest: number | null, signal: AbortSignal): Promise<Digest | null> {
  const { member, document, context } = read;
  if (newest === null) return document.map;
  return context.parts.newest({ path: member.path, document, versions: newest }, signal);
}

function tell({ member, context }: PolicyRead, { first, missingCount }: PackagesResult, listed: number): void {
  if (first === null) return;
  context.parts.log.warn(
    { path: member.path, missing: missingCount, first: first.href, code: first.error.code },
    'packages are missing',
  );
  const { code, message, retryAfter } = first.error;
  const reason = `${missingCount} of ${listed} packages are missing: ${first.href}: ${message}`;
  throw new WaystationError(code, reason, { cause: first.error, retryAfter });
}
