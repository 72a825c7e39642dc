import { expect, test } from 'vitest';
import { checkConfig } from '../../config/check.ts';
import { configFile } from './config-file.ts';

function problems(text: string): readonly string[] {
  const file = configFile(text);
  return checkConfig(file).lines.map((line) => line.replace(`${file}:`, ''));
}

const syntax: readonly (readonly [string, readonly string[]])[] = [
  ['a: [1, 2\nb: 3\n', ['2:1: document: is not indented']],
  ['\tstate: /x\n', ['1:1: document: tabs cannot indent']],
  ['state: hunter2: b\n', ['1:8: document: a second `key:` on one line']],
  ['state: "hunter2\n', ['2:1: document: a quote, bracket, colon or comma is missing']],
  ['hunter2 and more\nstate: /x\n', ['1:1: document: a key needs a colon']],
  ['state: "\\q"\n', ['1:9: document: unknown \\ escape']],
  ['state: /x\n---\nstate: /y\n', ['2:1: document: a second YAML document begins here']],
  ['state: !hunter2 x\n', ['1:8: document: YAML tags (!) are not used here']],
  ['state: *hunter2\n', ['1:8: state: is an alias (*) of an anchor (&) that is not there']],
  ['1: 2\n', ['1:1: "?": is no key']],
  ['? [hunter2]\n: 3\n', ['1:3: "?": is no key']],
  ['__proto__: { state: x }\n', ['1:1: __proto__: is no key']],
  ['%YAML 1.1\n---\nstate: 2001-01-01\n', ['3:8: state: is of a kind that no key takes']],
];

test.each(syntax)('bad YAML is reported in our own words: %j', (text, expected) => {
  const lines = problems(text);
  expect(lines.map((line, index) => line.slice(0, expected[index]?.length))).toEqual(expected);
  expect(lines.join('\n')).not.toContain('hunter2');
});

test('an empty file, or one of comments, is a configuration of defaults', () => {
  expect(checkConfig(configFile('')).valid).toBe(true);
  expect(checkConfig(configFile('# nothing yet\n---\n')).valid).toBe(true);
});

test('aliases of aliases are cut off, not blown up', () => {
  const names = 'abcdefghij'.split('');
  const bomb = names.map(
    (name, index) =>
      `${name}: &${name} [${Array(9)
        .fill(index === 0 ? 'x' : `*${names[index - 1]}`)
        .join(', ')}]`,
  );
  // Written out these would be three billion values, which nobody waits for.
  expect(problems(bomb.join('\n'))).toContainEqual(
    expect.stringContaining('the file comes to more than 100000 values, aliases included'),
  );
});

test('an alias of itself and deep nesting end', () => {
  expect(problems('state: &a [*a]\n')).toContainEqual(expect.stringContaining('is nested deeper than 32 levels'));
  expect(problems(`state: ${'['.repeat(5000)}${']'.repeat(5000)}\n`).length).toBeLessThan(200);
});

test('brackets that are never closed are one problem', () => {
  expect(problems(`${'['.repeat(300)}\n`)).toHaveLength(1);
});

test('control characters of a key do not reach the terminal', () => {
  expect(problems('"a\\e[31m\\x85b": 1\n')).toEqual([
    expect.stringMatching(/^1:1: "a\\u001b\[31m\\u0085b": unknown key/),
  ]);
});
