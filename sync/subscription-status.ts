import type { GenerationDocument, Guard, RepositoryDocument } from '../base/generation.ts';
import type {
  ErrorStatus,
  RepositoryState,
  RepositoryStatus,
  RunStatus,
  SubscriptionStatus,
  TreeStatus,
} from '../base/status.ts';
import { runProgress } from '../runs/run-progress.ts';
import { hubError, hubState, worst } from './hub-contact.ts';
import { sameRepositories } from './generation-document.ts';
import type { Member } from './member.ts';
import type { Run } from './run.ts';
import type { GenerationStore, Holdings } from './store.ts';
import type { Subscription } from './subscription.ts';
import { missingVariants } from './tree-policy.ts';

/** Where a repository stands, in the words of the contract. */
interface Standing {
  readonly state: RepositoryState;
  readonly reason: string | null;
  /** Wall clock, milliseconds. */
  readonly since: number;
}

/** How a subscription and each of its repositories stand now, as `status --json` has it. */
export async function subscriptionStatus(
  subscription: Subscription,
  store: GenerationStore,
): Promise<SubscriptionStatus> {
  const { name, policy, flip, hub } = subscription.options;
  const current = store.current(name);
  const members = subscription.roster.all.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  const { discovery, checked, lastContact } = subscription.contact;
  const reached = hubState(discovery, subscription.roster.readable);
  const failing = members.some(
    ({ failure, takenBy, wanted }) => wanted !== null && (failure !== null || takenBy !== null),
  );
  const following = hub.following?.();
  const run = subscription.activeRun;
  const finished = subscription.log.last;
  return {
    name,
    state: worst([reached, failing || (following?.problem ?? null) !== null ? 'degraded' : 'connected']),
    policy,
    flip,
    generation: current?.id ?? null,
    published: current?.created ?? null,
    ...(following !== undefined && { snapshot: current?.hubVersion ?? null }),
    rolledBack: rolledBack(name, store),
    checked: text(checked),
    hub: {
      type: hub.type,
      url: hub.url,
      state: reached,
      lastContact: text(lastContact),
      error: hubError(discovery, subscription.roster.readable),
      ...(following !== undefined && { following }),
    },
    sync: {
      id: run?.id ?? null,
      state: run?.state ?? 'idle',
      kind: policy,
      ...underWay(run),
      lastSuccess: text(subscription.succeeded),
      error: finished === null ? null : runError(finished),
    },
    repositories: await Promise.all(members.map((member) => repositoryStatus(subscription, store, member))),
  };
}

function underWay(
  run: Run | null,
): Pick<SubscriptionStatus['sync'], 'phase' | 'percent' | 'secondsLeft' | 'paused' | 'failed'> {
  if (run === null) return { phase: null, percent: null, secondsLeft: null, paused: null, failed: 0 };
  const { phases, secondsLeft, paused = null, failureCount } = run.status();
  const { phase, percent } = runProgress({ phases });
  return { phase, percent, secondsLeft, paused, failed: failureCount };
}

/** What went wrong in a run that ended, at the first. */
function runError({ failures: [failure], reason, finished }: RunStatus): ErrorStatus | null {
  if (finished === null) return null;
  if (failure !== undefined) {
    return { code: failure.code, message: `${failure.path}: ${failure.reason}`, at: finished };
  }
  if (reason !== 'interrupted') return null;
  return { code: 'cancelled', message: 'the service ended in the midst of the last run', at: finished };
}

function rolledBack(name: string, store: GenerationStore): SubscriptionStatus['rolledBack'] {
  const since = store.rolledBackSince(name);
  const newest = store.newest(name);
  return since === null || newest === null ? null : { since, newest: newest.id };
}

/** A repository and where it stands. */
export interface RepositoryStanding {
  readonly subscription: string;
  readonly path: string;
  readonly state: RepositoryState;
  readonly reason: string | null;
}

/** Where repositories stand, and no more: unlike the whole status it costs no count of what is held. */
export function repositoryStandings(subscription: Subscription, store: GenerationStore): RepositoryStanding[] {
  const { name } = subscription.options;
  const served = store.current(name)?.repositories ?? {};
  return subscription.roster.all.map((member) => {
    const { state, reason } = standing(subscription, store, member, served[member.path] ?? null);
    return { subscription: name, path: member.path, state, reason };
  });
}

async function repositoryStatus(
  subscription: Subscription,
  store: GenerationStore,
  member: Member,
): Promise<RepositoryStatus> {
  const { path } = member;
  const document = store.current(subscription.options.name)?.repositories[path] ?? null;
  const { state, reason, since } = standing(subscription, store, member, document);
  const nothing = { packages: { listed: 0, held: 0, unservable: 0 }, bytes: { listed: 0, held: 0 } };
  const held = document === null ? null : await store.holdings(path, document);
  const { packages, bytes } = held ?? nothing;
  const repomd = document?.repomd.digest ?? null;
  const tree = document === null || held === null ? null : treeStatus(subscription, path, document, held);
  const content = document === null ? (member.wanted?.content ?? 'rpm') : (document.content ?? 'rpm');
  const policy = subscription.options.policyOf(path);
  return { path, content, policy, state, reason, since: new Date(since).toISOString(), repomd, packages, bytes, tree };
}

function treeStatus(
  subscription: Subscription,
  path: string,
  document: RepositoryDocument,
  { tree: { listed, held } }: Holdings,
): TreeStatus | null {
  if (document.tree === undefined) return null;
  const { unusable } = document.tree;
  const variantsMissing = missingVariants(path, document, (place) => subscription.roster.isCarried(place));
  return { files: { listed, held, unusable }, variantsMissing };
}

function guardedText({ kind, name }: Guard, failed: string | null): string {
  const behind = failed === null ? '' : `; behind: ${failed}`;
  return `guarded at the hub (${kind}: ${name}), no access rule${behind}`;
}

/** Where a repository stands that the current generation does not have. */
function unserved(
  subscription: Subscription,
  store: GenerationStore,
  { path, wanted, wantedSince }: Member,
  failed: string | null,
): Standing {
  const closed = wanted !== null && wanted.guard !== null && subscription.options.access(path) === null;
  if (closed) return { state: 'guarded', reason: guardedText(wanted.guard, failed), since: wantedSince };
  const back = isPublishedSince(store, subscription.options.name, path) ? 'not in the generation rolled back to' : null;
  const reason = failed ?? back ?? blocking(subscription, path) ?? 'not read yet';
  return { state: 'pending', reason, since: wantedSince };
}

function standing(
  subscription: Subscription,
  store: GenerationStore,
  member: Member,
  document: RepositoryDocument | null,
): Standing {
  const { path, takenBy, failure, wanted, leftSince, wantedSince } = member;
  if (takenBy !== null) return { state: 'pending', reason: `path taken by ${takenBy}`, since: wantedSince };
  const failed = failure === null ? null : `${failure.error.code}: ${failure.error.message}`;
  if (document === null) {
    return unserved(subscription, store, member, failed);
  }
  const kept = store.kept(subscription.options.name);
  if (wanted === null && leftSince !== null) {
    return { state: 'orphaned', reason: 'the hub no longer lists it', since: leftSince };
  }
  const guard = document.guard ?? store.newest(subscription.options.name)?.repositories[path]?.guard ?? null;
  if (guard !== null && subscription.options.access(path) === null) {
    const since = unchangedSince(
      kept,
      path,
      (older) => older.guard?.name === guard.name && older.guard.kind === guard.kind,
    );
    return {
      state: 'guarded',
      reason: guardedText(guard, failed),
      since,
    };
  }
  const since = unchangedSince(kept, path, (older) => older.repomd.digest === document.repomd.digest);
  if (failure !== null) return { state: 'behind', reason: failed, since: failure.since };
  if (member.proven !== null && changes(document, member.proven)) {
    const reason =
      blocking(subscription, path) ?? `a newer one is proven and ${whyNotServed(subscription, store, path)}`;
    return { state: 'behind', reason, since: member.provenSince };
  }
  return { state: 'current', reason: null, since };
}

function whyNotServed(subscription: Subscription, store: GenerationStore, path: string): string {
  if (store.rolledBackSince(subscription.options.name) !== null)
    return 'waits for a release: the subscription is rolled back';
  return subscription.waiting.has(path) ? 'waits for clients that read the previous one' : 'is being published';
}

/** Whether what a release makes current has the path. */
function isPublishedSince(store: GenerationStore, name: string, path: string): boolean {
  return store.rolledBackSince(name) !== null && store.newest(name)?.repositories[path] !== undefined;
}

/** What keeps a subscription that flips together from publishing, other than this path itself. */
function blocking(subscription: Subscription, path: string): string | null {
  if (subscription.options.flip === 'each') return null;
  const others = subscription.roster.all.filter(
    (member) => member.path !== path && member.wanted !== null && !member.sound,
  );
  const failed = others.filter(({ failure, takenBy }) => failure !== null || takenBy !== null);
  const [first] = failed.length > 0 ? failed : others;
  if (first === undefined) return null;
  const why =
    first.failure?.error.message ?? (first.takenBy === null ? 'not read yet' : `path taken by ${first.takenBy}`);
  const more = failed.length > 1 ? ` and ${failed.length - 1} more` : '';
  return `flips together with ${first.path}${more}: ${why}`;
}

/** Guards are not compared: they apply at once. */
function changes(before: RepositoryDocument, after: RepositoryDocument): boolean {
  return !sameRepositories({ it: { ...before, guard: null } }, { it: { ...after, guard: null } });
}

/** When the newest row of generations began whose document of `path` meets a condition. Wall clock, milliseconds. */
function unchangedSince(
  kept: readonly GenerationDocument[],
  path: string,
  same: (older: RepositoryDocument) => boolean,
): number {
  let since = kept[0]?.created ?? null;
  for (const generation of kept) {
    const older = generation.repositories[path];
    if (older === undefined || !same(older)) break;
    since = generation.created;
  }
  return since === null ? 0 : Date.parse(since);
}

function text(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
