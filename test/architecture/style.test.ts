import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folders } from './house.ts';
import { checkout, filesOfGit, readSources } from './sources.ts';

const sources = readSources();
const texts = filesOfGit('.')
  .filter((path) => !path.startsWith('demo/repository/'))
  .map((path) => ({ path, text: readFileSync(join(checkout, path), 'utf8') }));

/** The lines of all files that `pattern` matches, as `path:line: text`. */
function linesWith(pattern: RegExp, from = texts): string[] {
  return from.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
}

test('no file of the product has more than 300 lines', () => {
  const long = sources.filter(({ folder, lines }) => folder in folders && lines > 300);
  expect(long.map(({ path, lines }) => `${path}: ${lines}`)).toEqual([]);
});

test('base/ stays small', () => {
  const files = sources.filter(({ folder }) => folder === 'base');
  expect(files.length).toBeGreaterThan(0);
  expect(files.length).toBeLessThanOrEqual(15);
});

test('nothing is left for later, switched off or silenced', () => {
  // Each with a bracket, so that this file does not name them itself.
  const marks = /\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b|@ts-(i[g]nore|expect-e[r]ror|noc[h]eck)/;
  // A linter's rule may be switched off for a line that says why, after two dashes.
  const switches =
    /\bas a[n]y\b|(eslint|prettier|oxfmt)-(d[i]sable|ig[n]ore)|oxlint-d[i]sable(?!.* -- .)|\.(o[n]ly|sk[i]p)\(/;
  const code = texts.filter(({ path }) => /\.(ts|sh|html|css)$/.test(path));
  expect(code.length).toBeGreaterThan(10);
  expect([...linesWith(marks, code), ...linesWith(switches, code)]).toEqual([]);
});

test('no file names a path of the machine that it was written on', () => {
  const standard = ['bin', 'etc', 'home', 'lib', 'mnt', 'opt', 'root', 'srv', 'tmp', 'usr', 'var', 'Users'];
  const top = checkout.split('/')[1] ?? '';
  const own = standard.includes(top) ? `${checkout}/` : `/${top}/`;
  expect(texts.flatMap(({ path, text }) => (text.includes(own) ? [path] : []))).toEqual([]);
});
