import type { PlanCount, PlanCounts, SubscriptionPlan } from '../../base/plan.ts';
import { bytesText, spanText } from '../../gateway/page/figures.ts';
import { pauseText } from '../../gateway/page/pause-text.ts';
import { plainTable, tableText } from '../plain-table.ts';
import { plainText, type Terminal } from '../terminal.ts';

type Paint = Terminal['paint'];

/** A plan for people: a table of repositories with their total, then time and room. */
export function planText(plan: SubscriptionPlan, paint: Paint): string {
  const { subscription, repositories, total, read } = plan;
  const head = ['PATH', 'POLICY', 'FETCH', 'KEEP', 'ON DEMAND', 'RETIRE'];
  const table = plainTable(head.map((word) => paint('dim', word)));
  for (const { path, policy, error, ...counts } of repositories) {
    if (error === null) table.push([plainText(path), policy, ...cells(counts)]);
    else table.push([plainText(path), policy, paint('red', error.code)]);
  }
  if (repositories.length > 1) table.push(['total', '', ...cells(total)]);
  const lines = [
    `${paint('bold', plainText(subscription))}: ${repositories.length === 0 ? 'no repositories' : `${countText(total.fetch)} to fetch`}`,
    ...(repositories.length === 0 ? [] : [tableText(table)]),
    ...notes(total),
    ...carryOverText(plan),
    `  ${timeText(plan)}`,
    `  ${roomText(plan, paint)}`,
    `  to plan this, ${countText(read)} of metadata were fetched`,
  ];
  return lines.join('\n');
}

function cells({ fetch, keep, onDemand, retire }: PlanCounts): string[] {
  return [fetch, keep, onDemand, retire].map((count) => (count.files === 0 ? '-' : countText(count)));
}

function notes({ fetchStored, keepShared, denied }: PlanCounts): string[] {
  return [
    [fetchStored, 'to fetch are stored, but another hub or identity gave them'] as const,
    [keepShared, 'to keep came through another repository, generation or hub'] as const,
    [denied, 'are denied by the hub: neither fetched nor served'] as const,
  ].flatMap(([count, what]) => (count.files === 0 ? [] : [`  ${countText(count)} ${what}`]));
}

function carryOverText({ carryOver }: SubscriptionPlan): string[] {
  if (carryOver === null) return [];
  return [
    `  ${countText(carryOver)} will be carried over after it is published, of ${bytesText(carryOver.limit)} allowed`,
  ];
}

/** `12 files, at least 3 GiB (2 of unknown size)`; a service of an earlier version knows of no such files. */
function countText({ files, bytes, unsized = 0 }: Omit<PlanCount, 'unsized'> & Partial<PlanCount>): string {
  const count = `${files} ${files === 1 ? 'file' : 'files'}`;
  if (unsized === 0) return `${count}, ${bytesText(bytes)}`;
  if (unsized === files) return `${count} of unknown size`;
  return `${count}, at least ${bytesText(bytes)} (${unsized} of unknown size)`;
}

function timeText({ rate, seconds, paused, total }: SubscriptionPlan): string {
  const least = total.fetch.unsized > 0 ? 'at least ' : '';
  const allowed = rate.allowed === null ? 'none now' : `${bytesText(rate.allowed)}/s now`;
  const times = [
    ...(seconds.allowed === null ? [] : [`${least}${spanText(seconds.allowed * 1000)} by the limits (${allowed})`]),
    ...(seconds.recent === null || rate.recent === null
      ? []
      : [`${least}${spanText(seconds.recent * 1000)} at ${bytesText(rate.recent)}/s, as the last run had`]),
  ];
  // A service of an earlier version says nothing of pauses.
  const waits = paused ? [`what is fetched ahead ${pauseText(paused)}`] : [];
  const nothing = paused ? [] : ['no limit, and no run that would tell'];
  return `time: ${[...(times.length === 0 ? nothing : times), ...waits].join('; ')}`;
}

function roomText({ room, total }: SubscriptionPlan, paint: Paint): string {
  const { needed, evictable, used, max, free, keepFree, fits } = room;
  const unsized = total.fetch.unsized > 0;
  const verdict =
    fits === null
      ? 'not known yet whether it fits'
      : fits
        ? paint('green', unsized ? 'it fits, as far as sizes are known' : 'it fits')
        : paint('red', 'it does not fit');
  return (
    `room: ${verdict}: ${unsized ? 'at least ' : ''}${bytesText(needed)} needed, ${bytesText(evictable)} may be evicted, ` +
    `${bytesText(used)} of ${bytesText(max)} used, ${bytesText(free)} free on disk, of which ${bytesText(keepFree)} stay free`
  );
}
