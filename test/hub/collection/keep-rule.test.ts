import { describe, expect, test } from 'vitest';
import { digestOf } from '../../../base/digest.ts';
import { channelsNeed, outlived } from '../../../hub/collection/keep-rule.ts';
import type { ChannelHistory } from '../../../hub/collection/keep-rule.ts';
import type { ChannelDocument } from '../../../protocol/channel.ts';

const day = 24 * 3_600_000;
const now = Date.parse('2026-11-30T12:00:00Z');
const daysAgo = (days: number): string => new Date(now - days * day).toISOString();

/** A channel by what it was pointed to, and how many days ago, newest first. */
function channel(...pointed: readonly (readonly [snapshot: string, days: number])[]): ChannelHistory {
  const documents = pointed.map(([snapshot, days], index): ChannelDocument => ({
    format: 1,
    channel: 'prod',
    epoch: 1,
    sequence: pointed.length - index,
    snapshot,
    content: digestOf(snapshot),
    issued: daysAgo(days),
    expires: daysAgo(0),
    by: 'alice',
    why: null,
  }));
  const [current, ...before] = documents;
  if (current === undefined) throw new Error('a channel points to something');
  return { current, before };
}

const snapshots = (...days: readonly number[]): { name: string; created: string }[] =>
  days.map((each) => ({ name: `s${each}`, created: daysAgo(each) }));

describe('what keep lets go', () => {
  const keep = { snapshots: 2, grace: 30 * day };

  test('are those beyond the newest that are old and that no channel needs', () => {
    expect(outlived(snapshots(1, 8, 20, 40, 60), [], { keep, now })).toEqual(['s40', 's60']);
    expect(outlived(snapshots(40, 60), [], { keep, now })).toEqual([]);
  });

  test('is nothing that a channel points to, would go back to, or pointed to within the grace', () => {
    const all = snapshots(1, 8, 40, 50, 60, 70, 80);
    const prod = channel(['s40', 3], ['s40', 10], ['s50', 20], ['s60', 35], ['s70', 60]);
    // s60 was left 20 days ago, s70 35 days ago.
    expect(outlived(all, [prod], { keep, now })).toEqual(['s70', 's80']);
    expect(outlived(all, [channel(['s80', 300], ['s70', 400])], { keep, now })).toEqual(['s40', 's50', 's60']);
  });

  test.each([
    ['s40', 'prod points to it'],
    ['s50', 'prod pointed to it before: that is where a rollback leads'],
    ['s60', `prod pointed to it until ${daysAgo(20)}`],
    ['s70', null],
    ['s99', null],
  ])('says why %s stays', (name, why) => {
    const prod = channel(['s40', 3], ['s50', 20], ['s60', 35], ['s70', 60]);
    expect(channelsNeed(name, [prod], { grace: 30 * day, now })).toBe(why);
  });
});
