import type {
  CacheStatus,
  ErrorStatus,
  FollowingStatus,
  RepositoryStatus,
  ScrubStatus,
  Status,
  SubscriptionStatus,
  TransferStatus,
  TreeStatus,
} from '../../base/status.ts';
import { agoText, bytesText, spanText } from '../../gateway/page/figures.ts';
import { pauseText } from '../../gateway/page/pause-text.ts';
import { plainTable, tableText } from '../plain-table.ts';
import { plainText, type Terminal } from '../terminal.ts';

type Paint = Terminal['paint'];

/** The status document for people: a line and a table for each subscription, then the cache. */
export function statusText(status: Status, now: number, paint: Paint): string {
  const parts = [
    ...status.subscriptions.map((subscription) => subscriptionText(subscription, now, paint)),
    ...(status.subscriptions.length === 0 ? ['nothing is subscribed'] : []),
    `${cacheText(status.cache, now, paint)}\n${transfersText(status.transfers)}`,
  ];
  return parts.join('\n\n');
}

function subscriptionText(subscription: SubscriptionStatus, now: number, paint: Paint): string {
  const { name, state, hub, generation, published, checked, sync, policy, rolledBack } = subscription;
  const facts = [
    painted(paint, state),
    `hub ${plainText(hub.type)} ${painted(paint, hub.state)}`,
    policy,
    generation === null
      ? 'no generation yet'
      : `generation ${generation} published ${agoText(published, now) ?? 'never'}`,
    `checked ${agoText(checked, now) ?? 'never'}`,
    syncText(sync),
  ];
  const lines = [`${paint('bold', plainText(name))}: ${facts.join(', ')}`];
  if (hub.following !== undefined)
    lines.push(`  ${followingText(hub.following, subscription.snapshot ?? null, paint)}`);
  // A service of an earlier version says nothing of it.
  if (rolledBack) lines.push(`  ${paint('yellow', rolledBackText(subscription, rolledBack, now))}`);
  for (const [what, error] of [
    ['hub', hub.error],
    ['sync', sync.error],
  ] as const)
    if (error !== null) lines.push(`  ${errorText(what, error, now, paint)}`);
  const table = repositoryTable(subscription, now, paint);
  return [...lines, table].join('\n');
}

/** `sync running: packages 45 %, 3 min left, 2 failed`; a service of an earlier version says no more than the state. */
function syncText({
  state,
  phase = null,
  percent = null,
  secondsLeft = null,
  paused = null,
  failed = 0,
}: Partial<SubscriptionStatus['sync']>): string {
  const at = [
    ...(phase === null ? [] : [`${plainText(phase)}${percent === null ? '' : ` ${percent} %`}`]),
    ...(secondsLeft === null ? [] : [`${spanText(secondsLeft * 1000)} left`]),
    ...(paused === null ? [] : [pauseText(paused)]),
    ...(failed === 0 ? [] : [`${failed} failed`]),
  ];
  return `sync ${state}${at.length === 0 ? '' : `: ${at.join(', ')}`}`;
}

/** `lyon-1 at the hub, certificate until 2027-02-28; prod points to 2026-48, 2026-47 is served` */
function followingText(following: FollowingStatus, served: string | null, paint: Paint): string {
  const { name, channel, snapshot, certificateEnds, problem } = following;
  const who =
    name === null ? 'not registered at the hub' : `${name} at the hub, certificate until ${certificateEnds ?? 'never'}`;
  const here = served === snapshot ? 'which is served' : `${served ?? 'nothing'} is served`;
  const where = snapshot === null ? `${channel}: nothing known` : `${channel} points to ${snapshot}, ${here}`;
  const text = plainText(`${who}; ${where}`);
  return problem === null ? text : `${text}\n  ${paint('yellow', plainText(problem))}`;
}

function rolledBackText(
  { name, generation }: SubscriptionStatus,
  { since, newest }: NonNullable<SubscriptionStatus['rolledBack']>,
  now: number,
): string {
  const ahead = newest === generation ? 'which is the newest' : `the newest is ${newest}`;
  return `rolled back to ${generation} ${agoText(since, now) ?? ''}; ${ahead}; waystation release ${plainText(name)} ends it`;
}

function errorText(what: string, error: ErrorStatus, now: number, paint: Paint): string {
  const ago = agoText(error.at, now);
  return `${paint('red', `${what}: ${error.code}`)}: ${plainText(error.message)}${ago === null ? '' : ` (${ago})`}`;
}

function repositoryTable({ repositories }: SubscriptionStatus, now: number, paint: Paint): string {
  if (repositories.length === 0) return '  no repositories yet';
  const table = plainTable(
    ['PATH', 'STATE', 'POLICY', 'PACKAGES', 'BYTES', 'SINCE', 'REASON'].map((head) => paint('dim', head)),
  );
  for (const { path, policy = '', state, reason, since, packages, bytes } of repositories) {
    const unservable = packages.unservable === 0 ? '' : ` (${packages.unservable} unservable)`;
    table.push([
      plainText(path),
      painted(paint, state),
      plainText(policy),
      `${packages.held}/${packages.listed}${unservable}`,
      `${bytesText(bytes.held)}/${bytesText(bytes.listed)}`,
      agoText(since, now) ?? '',
      plainText(reason ?? ''),
    ]);
  }
  return [tableText(table), ...repositories.flatMap(treeLines)].join('\n');
}

/** What of a repository's installation tree is not as it should be. A service of an earlier version says nothing of it. */
function treeLines({ path, tree }: Pick<RepositoryStatus, 'path'> & { readonly tree?: TreeStatus | null }): string[] {
  if (!tree) return [];
  const { files, variantsMissing } = tree;
  const unusable = files.unusable === 0 ? [] : [`${files.unusable} unusable checksums`];
  const missing = variantsMissing.length === 0 ? [] : [`variants not carried: ${variantsMissing.join(', ')}`];
  const odd = [...unusable, ...missing];
  const held = `${files.held}/${files.listed} files of its tree held`;
  return [plainText(`  ${path}: ${[held, ...odd].join('; ')}`)];
}

function cacheText(cache: CacheStatus, now: number, paint: Paint): string {
  const { state, reason, bytes, max, free, blobs, pinnedBytes, evictableBytes, next } = cache;
  const used = `${bytesText(bytes)} of ${bytesText(max)} in ${blobs} ${blobs === 1 ? 'blob' : 'blobs'}`;
  const held = `${bytesText(pinnedBytes)} pinned, ${bytesText(evictableBytes)} evictable`;
  const since = next === null ? null : agoText(next.since, now);
  const first = since === null ? '' : ` (what goes next was last needed ${since})`;
  const why = reason === null ? '' : `\n  ${paint('red', plainText(reason))}`;
  return `cache: ${painted(paint, state)}, ${used}, ${held}${first}, ${bytesText(free)} free on disk${why}\n${scrubText(cache.scrub, now, paint)}`;
}

/** A service of an earlier version says nothing of it. */
function scrubText(scrub: ScrubStatus | undefined, now: number, paint: Paint): string {
  if (scrub === undefined || scrub.state === 'off') return `scrub: ${paint('yellow', 'off')}`;
  const { state, passBegan, bytes, lastPass, damaged, missing } = scrub;
  const pass =
    passBegan === null
      ? 'no pass yet'
      : `pass of ${agoText(passBegan, now)}: ${bytesText(bytes.done)} of ${bytesText(bytes.total)} read`;
  const found = damaged === 0 ? 'nothing damaged' : paint('red', `${damaged} damaged, ${missing} of them missing`);
  return `scrub: ${state}, ${pass}, ${found}, last whole pass ${agoText(lastPass, now) ?? 'never'}`;
}

/** A service of an earlier version says nothing of it. */
function transfersText(transfers: TransferStatus | undefined): string {
  if (transfers === undefined) return 'transfers: not known';
  const { limit, throttled, paused, slots } = transfers;
  const { client, metadata, background } = slots.busy;
  const waiting = slots.waiting.metadata + slots.waiting.background;
  const syncs = `${metadata + background} of ${slots.total} for syncs${waiting === 0 ? '' : ` (${waiting} waiting)`}`;
  const rate = limit.rate === null ? 'no limit' : `limit ${bytesText(limit.rate)}/s${throttled ? ', reached' : ''}`;
  const change = limit.until === null ? '' : ` until ${limit.until}`;
  // A service of an earlier version says nothing of pauses.
  const pause = paused ? `; background work ${pauseText(paused)}` : '';
  return `transfers: ${client} for clients, ${syncs}, ${rate}${change}${pause}`;
}

const good = new Set(['connected', 'current', 'ok']);
const bad = new Set(['disconnected', 'failing', 'full', 'read-only']);

function painted(paint: Paint, state: string): string {
  return paint(good.has(state) ? 'green' : bad.has(state) ? 'red' : 'yellow', state);
}
