import { expect, test } from 'vitest';
import { namedGeneration } from '../../cache/generations/named.ts';
import { generation } from './generation-documents.ts';

const corp = [3, 2, 1].map((number) => generation(number));
const other = [generation(2, {}, 'other')];
const kept = { corp, other, none: [] };
const generations = {
  subscriptions: () => Object.keys(kept),
  kept: (name: string) => kept[name as keyof typeof kept] ?? [],
};
const id = (number: number): string => generation(number).id;

test.each([
  ['an id', id(2), null, id(2)],
  ['the beginning of one', id(3).slice(0, 14), null, id(3)],
  ['the beginning of one of this subscription', id(2).slice(0, 14), 'corp', id(2)],
  ['a time between two', '@2026-11-23T10:01:30Z', 'corp', id(1)],
  ['the very time', '@2026-11-23T10:02:00Z', 'corp', id(2)],
  ['a time in another zone', '@2026-11-23T12:01:59+02:00', null, id(1)],
  ['a day, to its end', '@2026-11-23', 'corp', id(3)],
  ['a day of a subscription', 'corp@2027-01-01', null, id(3)],
  ['a day of another', 'other@2027-01-01', null, generation(2, {}, 'other').id],
])('%s names a generation', (_, text, subscription, expected) => {
  expect(namedGeneration(generations, text, subscription).id).toBe(expected);
});

test.each([
  ['nothing', 'zzzz', null, /no kept generation is meant by zzzz; there are /],
  ['too short a beginning', '202', null, /no kept generation is meant/],
  ['the beginning of several', '20261123T10', 'corp', /may be any of 3 generations: .* of corp/],
  ['a day of several subscriptions', '@2027-01-01', null, /may be any of 2 generations: .*, .* of other/],
  ['a time before all', '@2026-11-22', 'corp', /no kept generation of corp is meant/],
  ['a generation of another subscription', id(1), 'other', /no kept generation of other/],
  ['a subscription that is none', 'nosuch@2027-01-01', null, /no kept generation is meant/],
  ['the other subscription, where one was said', 'other@2027-01-01', 'corp', /no kept generation of corp/],
  ['one of a subscription without any', 'abcd', 'none', /of none is meant by abcd; there is none$/],
])('%s names none: it says what there is', (_, text, subscription, message) => {
  const name = (): unknown => namedGeneration(generations, text, subscription);
  expect(name).toThrow(message);
  expect(name).toThrow(expect.objectContaining({ code: 'unknown_generation' }));
});

test.each(['@', '@yesterday', '@2026-13-01', '@2026-11-23T10:01', 'corp@now'])('%s is no time', (text) => {
  expect(() => namedGeneration(generations, text, null)).toThrow(expect.objectContaining({ code: 'bad_request' }));
});
