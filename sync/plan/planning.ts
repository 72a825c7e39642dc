import type { Digest } from '../../base/digest.ts';
import { asWaystationError } from '../../base/errors.ts';
import { possessionScope } from '../../base/generation.ts';
import type { WaystationError } from '../../base/errors.ts';
import { pauseStatus } from '../../base/allowed-rate.ts';
import type { RepositoryPlan, SubscriptionPlan } from '../../base/plan.ts';
import { forEachBounded } from '../../mirror/bounded.ts';
import type { Discovery, WantedRepository } from '../../mirror/discovery.ts';
import type { ReadProgress } from '../../mirror/progress.ts';
import { newestOf } from '../package-policy.ts';
import type { Roster } from '../roster.ts';
import type { SubscriptionOptions, SubscriptionParts } from '../subscription-options.ts';
import { PlanTally, totalOf } from './counts.ts';
import { decide } from './decide.ts';
import { listedRepository } from './listed-repository.ts';
import type { RepositoryChange } from './listed-repository.ts';

/** Repositories whose metadata is read at a time. */
const lanes = 4;

export interface PlanContext {
  readonly options: SubscriptionOptions;
  readonly parts: SubscriptionParts;
  readonly roster: Roster;
  /** Bytes a second that the last run had which fetched anything; null: none is known. */
  readonly recentRate: number | null;
}

/** A repository that could be read, or why it could not. */
type Read = RepositoryChange | { readonly path: string; readonly error: WaystationError };

/**
 * What a sync of a subscription would do. It asks the hub and reads metadata as a sync does, proven and into the store,
 * because nothing else tells what upstream lists; and it changes nothing that is known of the subscription: nothing is
 * published, and what was read is garbage like any other if no sync comes to need it.
 */
export async function planSubscription(
  context: PlanContext,
  progress: ReadProgress,
  signal: AbortSignal,
): Promise<SubscriptionPlan> {
  const { options, parts, roster } = context;
  const lease = parts.store.beginRun(options.name);
  const read = { files: 0, bytes: 0, unsized: 0 };
  const watched: ReadProgress = {
    expected: (files, bytes) => progress.expected(files, bytes),
    done: (bytes, fetched) => {
      progress.done(bytes, fetched);
      if (!fetched) return;
      read.files += 1;
      read.bytes += bytes;
    },
  };
  try {
    const { discovery, error } = await discovered(context, signal);
    const mine = discovery.repositories.filter(({ path }) => isOurs(context, path));
    const reads: Read[] = [];
    await forEachBounded(mine, lanes, signal, async (repository, each) => {
      reads.push(await readOne(context, repository, watched, each));
    });
    const sorted = reads.toSorted((one, other) => (one.path < other.path ? -1 : 1));
    return { ...(await counted(context, sorted)), hubVersion: discovery.hubVersion, read, error: problem(error) };
  } finally {
    lease.end(roster.proven(), roster.begun());
  }
}

async function discovered(
  { options, roster }: PlanContext,
  signal: AbortSignal,
): Promise<{ readonly discovery: Discovery; readonly error: WaystationError | null }> {
  try {
    return { discovery: await options.hub.discover(signal), error: null };
  } catch (thrown) {
    signal.throwIfAborted();
    const repositories = roster.readable.flatMap(({ wanted }) => (wanted === null ? [] : [wanted]));
    return { discovery: { hubVersion: null, repositories }, error: asWaystationError(thrown) };
  }
}

/** A path that another subscription has is not read by a sync either. */
function isOurs({ parts, options }: PlanContext, path: string): boolean {
  const owner = parts.owners.ownerOf(path);
  return owner === null || owner === options.name;
}

async function readOne(
  { options, parts, roster }: PlanContext,
  repository: WantedRepository,
  progress: ReadProgress,
  signal: AbortSignal,
): Promise<Read> {
  const { path } = repository;
  try {
    const member = roster.get(path);
    const proven = member?.proven ?? null;
    const previous = proven === null ? null : { document: proven, mark: member?.mark ?? null };
    const trust = await options.trust(path);
    const { document } = await parts.reader.read({ repository, trust, previous, thorough: true, progress }, signal);
    const before = parts.store.current(options.name)?.repositories[path] ?? null;
    const policy = options.policyOf(path);
    const versions = newestOf(policy);
    let wanted: Digest | null = policy === 'full' ? document.map : null;
    if (versions !== null) wanted = await parts.newest({ path, document, versions }, signal);
    return { path, before, after: document, wanted, fetchesTree: policy !== 'on-demand' };
  } catch (thrown) {
    signal.throwIfAborted();
    return { path, error: asWaystationError(thrown) };
  }
}

async function counted(
  { options, parts, recentRate }: PlanContext,
  reads: readonly Read[],
): Promise<Omit<SubscriptionPlan, 'hubVersion' | 'read' | 'error'>> {
  const { stored } = parts;
  await stored.counted;
  const changes = reads.filter((read) => 'after' in read);
  const tallies = new Map(reads.map(({ path }) => [path, new PlanTally()]));
  // What is wanted and held shall not be counted as room for the rest.
  let spared = 0;
  const listed = changes.map((change) => listedRepository(change, (map) => stored.packages(map)));
  for await (const decision of decide(listed, stored, parts.denied)) {
    tallies.get(decision.path)?.add(decision);
    const { scope, verdict, wanted } = decision;
    const isSpared = wanted && verdict === 'keep' && stored.mayBeEvicted(scope, decision.listed.digest);
    if (isSpared) spared += decision.listed.size ?? 0;
  }
  const repositories = reads.map((read): RepositoryPlan => ({
    path: read.path,
    policy: options.policyOf(read.path),
    served: parts.store.current(options.name)?.repositories[read.path]?.repomd.digest ?? null,
    upstream: 'after' in read ? read.after.repomd.digest : null,
    ...(tallies.get(read.path) ?? new PlanTally()).counts,
    error: 'after' in read ? null : problem(read.error),
  }));
  const total = totalOf(repositories);
  const now = parts.clock.now();
  const rate = { allowed: parts.rates.at(now).rate, recent: recentRate };
  // Windows change on the way: the rate of now is not what all of it is transferred at.
  const allowed = Math.ceil(parts.rates.millisecondsFor(total.fetch.bytes, now) / 1000);
  const pause = total.fetch.files === 0 ? null : parts.rates.pause(now);
  const waits = pause === null ? 0 : Math.ceil(((pause.until ?? Infinity) - now) / 1000);
  return {
    subscription: options.name,
    repositories,
    total,
    carryOver: await carriedOver({ options, parts }, changes),
    room: await stored.room(total.fetch.bytes, spared),
    rate,
    paused: pauseStatus(pause),
    seconds: {
      allowed: (allowed === 0 && rate.allowed === null) || allowed === Infinity ? null : allowed,
      recent: secondsAt(total.fetch.bytes, rate.recent, waits),
    },
  };
}

async function carriedOver(
  { options, parts }: Pick<PlanContext, 'options' | 'parts'>,
  changes: readonly RepositoryChange[],
): Promise<SubscriptionPlan['carryOver']> {
  const maps = changes.flatMap(({ path, before, after }) =>
    before === null || before.map === null || after.map === null
      ? []
      : [{ path, before: before.map, after: after.map }],
  );
  const forecast = await parts.forecast(options.name, maps);
  if (forecast === null) return null;
  const scopes = new Map(changes.map(({ path, after }) => [path, after.scope]));
  const missing = forecast.candidates.filter(({ path, listed }) => {
    const scope = possessionScope(scopes.get(path) ?? '', path, listed);
    return !parts.denied(listed.digest) && !parts.stored.holds(scope, listed.digest);
  });
  const bytes = missing.reduce((sum, { listed }) => sum + listed.size, 0);
  return { limit: forecast.limit, files: missing.length, bytes, unsized: 0 };
}

function secondsAt(bytes: number, rate: number | null, waits: number): number | null {
  return rate === null || rate <= 0 || waits === Infinity ? null : Math.ceil(bytes / rate) + waits;
}

function problem(error: WaystationError | null): SubscriptionPlan['error'] {
  return error === null ? null : { code: error.code, message: error.message };
}
