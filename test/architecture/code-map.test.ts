import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folders } from './house.ts';
import { checkout } from './sources.ts';

/** Folder → what it imports, by the code map: `| folder | owns | imports |`. */
const map = new Map(
  [
    ...readFileSync(join(checkout, 'ARCHITECTURE.md'), 'utf8').matchAll(/^\| `([a-z]+)\/` *\|[^|]*\| *([^|]*?) *\|$/gm),
  ].map(([, folder = '', imports = '']) => [folder, imports === 'nothing' ? [] : imports.split(', ')] as const),
);

test('the code map of ARCHITECTURE.md shows the import table of the house', () => {
  expect(map.size).toBeGreaterThan(8);
  // A folder that is not built yet is in the table, and not on the map.
  const house = Object.entries(folders).filter(([folder]) => map.has(folder));
  const drawn = house.map(([folder, imports]) => [
    folder,
    folder === 'cli' ? ['everything'] : imports.filter((name) => map.has(name)),
  ]);
  expect(Object.fromEntries(map)).toEqual(Object.fromEntries(drawn));
});
