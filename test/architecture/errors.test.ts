import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { errorCatalogue } from '../../base/errors.ts';
import { statusOf } from '../../http/problem.ts';
import { checkout } from './sources.ts';

/** The rows of docs/errors.md: `| code | source | again | status | meaning | what to do |`. */
const rows = readFileSync(join(checkout, 'docs/errors.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

test('docs/errors.md lists exactly the codes of the catalogue, with source, whether to try again, and status', () => {
  const documented = rows.map(([, ...cells]) => cells.slice(0, 4));
  const catalogue = Object.entries(errorCatalogue).map(([code, [source, retryable]]) => [
    `\`${code}\``,
    source,
    retryable ? 'yes' : 'no',
    String(statusOf[code as keyof typeof statusOf]),
  ]);
  const byCode = (one: readonly unknown[], other: readonly unknown[]): number =>
    String(one[0]).localeCompare(String(other[0]));
  expect(documented.sort(byCode)).toEqual(catalogue.sort(byCode));
});

test('every line says what the code means and what to do', () => {
  expect(rows.filter((row) => row.length !== 8 || row.some((cell, at) => at > 0 && at < 7 && cell === ''))).toEqual([]);
});
