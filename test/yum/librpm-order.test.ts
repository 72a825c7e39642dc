import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareEvr, compareVersions, parseEvr } from '../../yum/rpm-version.ts';
import { succeed } from '../support/command.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, tool } from '../support/tools.ts';

type Pair = readonly [string, string];

/** What librpm's own comparison says, by the Lua in rpm: -1, 0 or 1 for each pair. */
async function librpm(pairs: readonly Pair[]): Promise<number[]> {
  await using folder = await temporaryDirectory();
  const [script, list] = [join(folder.path, 'order.lua'), join(folder.path, 'pairs')];
  await writeFile(list, pairs.map(([a, b]) => `${a}\t${b}\n`).join(''));
  await writeFile(
    script,
    `for line in io.lines("${list}") do
       local a, b = line:match("^(.-)\\t(.*)$")
       print(string.format("%d\\n", rpm.vercmp(a, b)))
     end`,
  );
  const said = await succeed('rpm', ['--eval', `%{lua: dofile("${script}")}`]);
  return said
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

/** Pieces that rules are about; a colon or a dash would end the version. */
const pieces = ['0', '1', '00', '01', '9', '10', '009', 'a', 'Z', 'rc', 'b1', '.', '..', '_', '+', '~', '~~', '^', 'é'];
const version = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 7 }).map((parts) => parts.join(''));
/** Two that have most of their text in common differ where it matters. */
const near = fc.tuple(version, version, version).map(([start, a, b]): Pair => [`${start}${a}`, `${start}${b}`]);
const changed = fc
  .tuple(version, fc.nat(20), fc.constantFrom('', ...pieces))
  .map(([text, at, piece]): Pair => [text, `${text.slice(0, at)}${piece}${text.slice(at)}`]);
const versions = fc.oneof(fc.tuple(version, version), near, changed);
const evr = fc
  .tuple(fc.constantFrom('', '0:', '00:', '1:', '10:', '2:'), version, fc.option(version, { nil: null }))
  .map(([epoch, text, release]) => `${epoch}${text}${release === null ? '' : `-${release}`}`);

const seed = Math.floor(Math.random() * 0x7fffffff);

describeWith([tool('rpm')], `versions are ordered as by librpm (seed ${seed})`, () => {
  test('4,000 generated pairs of versions', async () => {
    const pairs = fc.sample(versions, { numRuns: 4_000, seed });
    const theirs = await librpm(pairs);
    expect(theirs).toHaveLength(pairs.length);
    const ours = pairs.map(([a, b]) => compareVersions(a, b));
    expect(pairs.map((pair, index) => [...pair, ours[index]])).toEqual(
      pairs.map((pair, index) => [...pair, theirs[index]]),
    );
    for (const order of [-1, 0, 1]) expect(theirs.filter((each) => each === order).length).toBeGreaterThan(100);
  });

  test('3,000 generated pairs with epochs and releases, some without a release', async () => {
    const same = fc.tuple(evr, version).map(([text, release]): Pair => [text, `${text}-${release}`]);
    const plain = same.filter(([text]) => !text.includes('-'));
    const pairs = fc.sample(fc.oneof(fc.tuple(evr, evr), plain), { numRuns: 3_000, seed });
    const theirs = await librpm(pairs);
    expect(theirs).toHaveLength(pairs.length);
    const ours = pairs.map(([a, b]) => Math.sign(compareEvr(parseEvr(a), parseEvr(b))));
    expect(pairs.map((pair, index) => [...pair, ours[index]])).toEqual(
      pairs.map((pair, index) => [...pair, theirs[index]]),
    );
  });
});
