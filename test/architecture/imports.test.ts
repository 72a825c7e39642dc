import { builtinModules } from 'node:module';
import { describe, expect, test } from 'vitest';
import { bans, folders, packages, withheld, type Folder } from './house.ts';
import { filesOfGit, readSources, type Source } from './sources.ts';

const sources = readSources();
const product = sources.filter((source): source is Source & { folder: Folder } => source.folder in folders);

/** Why `source` must not import `target`; null when it may. */
function objection(source: { path: string; folder: Folder }, target: string): string | null {
  if (target.startsWith('node:')) {
    return withheld[source.folder]?.includes(target) ? `${source.folder}/ has no business with ${target}` : null;
  }
  if (builtinModules.includes(target)) return `write node:${target}`;
  if (target === './package.json') return null;
  if (target.startsWith('./')) {
    const allowed: readonly string[] = [source.folder, ...folders[source.folder]];
    return allowed.includes(target.split('/')[1] ?? '')
      ? null
      : `${source.folder}/ may import ${folders[source.folder].join(', ') || 'node:'}`;
  }
  const name = target.split('/', target.startsWith('@') ? 2 : 1).join('/');
  const homes = packages[name];
  if (!homes) return 'no folder may import that; the table of packages is in test/architecture/house.ts';
  return homes.includes(source.folder) ? null : `${name} belongs to ${homes.join(', ')}`;
}

test('every TypeScript file that git lists has been looked at', () => {
  const seen = new Set(sources.map(({ path }) => path));
  expect(filesOfGit('*.ts').filter((path) => !seen.has(path))).toEqual([]);
  expect(seen.size).toBeGreaterThan(10);
});

test('imports were found at all', () => {
  expect(sources.flatMap(({ imports }) => imports).length).toBeGreaterThan(sources.length / 2);
});

test('folders import only what the house allows', () => {
  const violations = product.flatMap((source) =>
    source.imports.flatMap((target) => {
      const why = objection(source, target);
      return why === null ? [] : `${source.path} imports ${target}: ${why}`;
    }),
  );
  expect(violations).toEqual([]);
});

test('folders use nothing that the house bans', () => {
  const violations = product.flatMap(({ path, folder, uses }) =>
    bans
      .filter((ban) => ban.in.includes(folder))
      .flatMap(({ use, because }) => [...uses].filter((text) => use.test(text)).map((text) => [path, text, because])),
  );
  expect(violations).toEqual([]);
});

test('no file imports the executable', () => {
  const importers = sources.filter(
    ({ folder, imports }) => folder !== 'cli' && imports.includes('./cli/waystation.ts'),
  );
  expect(importers.map(({ path }) => path)).toEqual([]);
});

describe('the objections themselves', () => {
  const at = (folder: Folder): { path: string; folder: Folder } => ({ path: `${folder}/x.ts`, folder });

  test('an import against the arrows is refused', () => {
    expect(objection(at('base'), './mirror/sink.ts')).toContain('may import node:');
    expect(objection(at('http'), './base/clock.ts')).toBeNull();
    expect(objection(at('gateway'), './test/architecture/house.ts')).not.toBeNull();
  });

  test('packages stay in their folders', () => {
    expect(objection(at('cache'), 'undici')).not.toBeNull();
    expect(objection(at('gateway'), 'level')).not.toBeNull();
    expect(objection(at('sync'), 'hono/html')).not.toBeNull();
    expect(objection(at('origin'), 'undici')).toBeNull();
    expect(objection(at('cli'), 'left-pad')).not.toBeNull();
    expect(objection(at('cli'), '(computed)')).not.toBeNull();
  });

  test('pure folders get neither sockets nor disk', () => {
    expect(objection(at('http'), 'node:fs')).not.toBeNull();
    expect(objection(at('cache'), 'node:net')).not.toBeNull();
    expect(objection(at('cache'), 'node:fs')).toBeNull();
  });
});
