import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import type { PlanCount } from '../../base/plan.ts';
import { PlanTally } from '../../sync/plan/counts.ts';
import { decide } from '../../sync/plan/decide.ts';
import type { Decision, ListedRepository, PlanFile } from '../../sync/plan/decide.ts';

/** One of few files, so that repositories share some, in one of two scopes. */
const file = fc.record({
  scope: fc.constantFrom('open', 'pulp-1'),
  number: fc.nat(15),
});
type Drawn = typeof file extends fc.Arbitrary<infer Value> ? Value : never;

const files = fc.array(file, { maxLength: 12 });
const repository = fc.record({ wanted: files, others: files, before: files });
const worlds = fc.record({
  repositories: fc.array(repository, { maxLength: 4 }),
  stored: files,
  /** By number: a hub denies bytes, whoever lists them. */
  denied: fc.array(fc.nat(15), { maxLength: 5 }),
});
type World = typeof worlds extends fc.Arbitrary<infer Value> ? Value : never;

const digestOfNumber = Array.from({ length: 16 }, (_, number) => digestOf(String(number)));

function planFile({ scope, number }: Drawn): PlanFile {
  // Every third list says no size.
  const size = number % 3 === 0 ? null : 2 ** number;
  return { scope, listed: { digest: digestOfNumber[number] ?? digestOf(''), size } };
}

function numberOf(digest: string): number {
  return digestOfNumber.findIndex((each) => each === digest);
}

function nameOf({ scope, listed }: PlanFile): string {
  return `${scope} ${listed.digest}`;
}

function names(list: readonly Drawn[]): Set<string> {
  return new Set(list.map((each) => nameOf(planFile(each))));
}

function repositoriesOf({ repositories }: World): ListedRepository[] {
  return repositories.map(({ wanted, others, before }, index) => ({
    path: String(index),
    wanted: () => walk(wanted),
    others: () => walk(others),
    before: () => walk(before),
  }));
}

async function* walk(list: readonly Drawn[]): AsyncGenerator<PlanFile> {
  for (const each of list) yield planFile(each);
}

function deniedIn({ denied }: World): (digest: Digest) => boolean {
  const digests = new Set(denied.map((number) => digestOfNumber[number]));
  return (digest) => digests.has(digest);
}

/** Those of a set that are denied. */
function deniedOf(world: World, among: ReadonlySet<string>): Set<string> {
  const isDenied = deniedIn(world);
  return new Set([...among].filter((name) => isDenied(name.slice(name.indexOf(' ') + 1) as Digest)));
}

async function decided(world: World, held = names(world.stored)): Promise<readonly Decision[]> {
  const stored = {
    holds: (scope: string, digest: string) => held.has(`${scope} ${digest}`),
    // Sizes that a list does not say: of even numbers somebody knows them.
    sizeOf: (digest: string) => (numberOf(digest) % 2 === 0 ? 2 ** numberOf(digest) : null),
    storedElsewhere: (digest: string) => [...held].some((name) => name.endsWith(digest)),
  };
  const decisions: Decision[] = [];
  for await (const decision of decide(repositoriesOf(world), stored, deniedIn(world))) decisions.push(decision);
  return decisions;
}

const named = (decisions: readonly Decision[], ...verdicts: readonly Decision['verdict'][]): Set<string> =>
  new Set(decisions.filter(({ verdict }) => verdicts.includes(verdict)).map(nameOf));

const all = (world: World, list: 'wanted' | 'others' | 'before'): Set<string> =>
  new Set(world.repositories.flatMap((each) => [...names(each[list])]));

test('what is fetched, what is held of it and what of it is denied are together what is wanted', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const decisions = (await decided(world)).filter(({ wanted }) => wanted);
      expect(named(decisions, 'fetch', 'keep', 'deny')).toEqual(all(world, 'wanted'));
      const cold = all(world, 'wanted').difference(names(world.stored));
      expect(named(decisions, 'deny')).toEqual(deniedOf(world, cold));
      expect(named(decisions, 'keep').isSubsetOf(names(world.stored))).toBe(true);
      expect(named(decisions, 'fetch').isDisjointFrom(names(world.stored))).toBe(true);
    }),
  );
});

test('nothing is decided twice, in however many repositories it is', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const decisions = await decided(world);
      expect(new Set(decisions.map(nameOf)).size).toBe(decisions.length);
    }),
  );
});

test('a plan that was carried out leaves nothing to fetch, and changes nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const first = await decided(world);
      expect(await decided(world)).toEqual(first);
      const after = await decided(world, names(world.stored).union(named(first, 'fetch')));
      expect(named(after, 'fetch').size).toBe(0);
      expect(named(after, 'keep')).toEqual(named(first, 'fetch', 'keep'));
      expect(named(after, 'deny')).toEqual(named(first, 'deny'));
      expect(named(after, 'leave')).toEqual(named(first, 'leave'));
      expect(named(after, 'retire')).toEqual(named(first, 'retire'));
    }),
  );
});

test('what is held retires when it is served now and listed by nothing to come, else it is kept', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const decisions = await decided(world);
      const held = names(world.stored);
      const listedNext = all(world, 'wanted').union(all(world, 'others'));
      expect(named(decisions, 'keep')).toEqual(held.intersection(listedNext));
      expect(named(decisions, 'retire')).toEqual(held.intersection(all(world, 'before')).difference(listedNext));
      const cold = all(world, 'others').difference(all(world, 'wanted')).difference(held);
      expect(named(decisions, 'leave')).toEqual(cold.difference(deniedOf(world, cold)));
    }),
  );
});

test('a size is what the list says, else what is stored tells, else unknown; never made up', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const decisions = await decided(world);
      for (const { listed } of decisions) {
        const number = numberOf(listed.digest);
        expect(listed.size).toBe(number % 3 === 0 && number % 2 !== 0 ? null : 2 ** number);
      }
      const tally = new PlanTally();
      for (const decision of decisions) tally.add(decision);
      const { fetchStored, keepShared, ...apart } = tally.counts;
      const counts = Object.values(apart);
      const sum = (name: keyof PlanCount): number => counts.reduce((one, other) => one + other[name], 0);
      const unsized = decisions.filter(({ listed }) => listed.size === null);
      expect([sum('files'), sum('unsized')]).toEqual([decisions.length, unsized.length]);
      expect([fetchStored.files <= apart.fetch.files, keepShared.files <= apart.keep.files]).toEqual([true, true]);
    }),
  );
});

test('bytes that another scope stored are fetched all the same, and counted as such', async () => {
  const world: World = {
    repositories: [{ wanted: [{ scope: 'pulp-1', number: 3 }], others: [], before: [] }],
    stored: [{ scope: 'open', number: 3 }],
    denied: [],
  };
  expect(await decided(world)).toMatchObject([{ verdict: 'fetch', scope: 'pulp-1', elsewhere: true }]);
});

test('what came through another repository or generation is told from what the repository had itself', async () => {
  const [own, others] = [{ scope: 'open', number: 1 } as const, { scope: 'open', number: 2 } as const];
  const world: World = {
    repositories: [{ wanted: [own, others], others: [], before: [own] }],
    stored: [own, others],
    denied: [],
  };
  expect((await decided(world)).map(({ verdict, elsewhere }) => [verdict, elsewhere])).toEqual([
    ['keep', false],
    ['keep', true],
  ]);
});
