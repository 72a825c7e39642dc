import { describe, expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import type { GenerationDocument } from '../../base/generation.ts';
import { nothingCarried, withoutPending, withPublished, withSpent } from '../../sync/carry-over/changes.ts';
import { selectCandidates } from '../../sync/carry-over/selection.ts';
import type { ChangedRepository } from '../../sync/carry-over/selection.ts';
import { documentOf } from './documents.ts';

interface Named {
  readonly href: string;
  readonly listed: Listed;
}

/** Packages by the names of their files; the size of each is 10 unless it is said. */
function packages(...names: readonly (string | readonly [string, number])[]): () => AsyncIterable<Named> {
  return async function* list() {
    for (const entry of names) {
      const [name, size] = typeof entry === 'string' ? [entry, 10] : entry;
      yield { href: `p/${name}.rpm`, listed: { digest: digestOf(name), size } };
    }
  };
}

function changed(more: Partial<ChangedRepository>): ChangedRepository {
  return { path: 'a', holds: () => false, before: packages(), after: packages(), demanded: [], ...more };
}

async function chosen(limit: number, ...repositories: readonly ChangedRepository[]): Promise<string[]> {
  return (await selectCandidates(repositories, limit)).map(({ href }) => href.slice(2, -4));
}

describe('what is carried over', () => {
  test('are new versions of what was served, and neither old ones nor what nobody asked for', async () => {
    const repository = changed({
      before: packages('app-1-1.noarch', 'lib-1-1.noarch'),
      after: packages('app-1-1.noarch', 'app-2-1.noarch', 'app-2-1.x86_64', 'lib-1-1.noarch', 'lib-2-1.noarch'),
      demanded: [{ name: 'app.noarch', score: 1, last: 1 }],
    });
    expect(await chosen(1000, repository)).toEqual(['app-2-1.noarch']);
  });

  test('comes newest demand first, over all repositories, of one name the newest version first', async () => {
    const one = changed({
      after: packages('app-9-1.noarch', 'app-10-1.noarch', 'often-1-1.noarch', 'rare-1-1.noarch'),
      demanded: [
        { name: 'app.noarch', score: 1, last: 50 },
        { name: 'rare.noarch', score: 1, last: 100 },
        { name: 'often.noarch', score: 7, last: 100 },
      ],
    });
    const other = changed({
      path: 'b',
      after: packages('now-1-1.noarch'),
      demanded: [{ name: 'now.noarch', score: 1, last: 200 }],
    });
    const expected = ['now-1-1.noarch', 'often-1-1.noarch', 'rare-1-1.noarch', 'app-10-1.noarch', 'app-9-1.noarch'];
    expect(await chosen(1000, one, other)).toEqual(expected);
  });

  test('is never more than the limit: what is too large leaves its place to what comes after', async () => {
    const repository = changed({
      after: packages(['big-1-1.noarch', 90], ['small-1-1.noarch', 30], ['tiny-1-1.noarch', 5]),
      demanded: [
        { name: 'small.noarch', score: 1, last: 3 },
        { name: 'big.noarch', score: 1, last: 2 },
        { name: 'tiny.noarch', score: 1, last: 1 },
      ],
    });
    expect(await chosen(100, repository)).toEqual(['small-1-1.noarch', 'tiny-1-1.noarch']);
    expect(await chosen(0, repository)).toEqual([]);
  });
});

function generation(id: string, maps: Readonly<Record<string, string>>): GenerationDocument {
  const repositories = Object.fromEntries(
    Object.entries(maps).map(([path, content]) => [path, documentOf(content)] as const),
  );
  return { format: 1, id, subscription: 'vendor', created: '2026-11-23T10:15:00Z', hubVersion: null, repositories };
}

const mapOf = (content: string) => digestOf(content);

describe('what is pending', () => {
  const [g1, g2, g3] = [
    generation('1', { a: 'a1', b: 'b1' }),
    generation('2', { a: 'a2', b: 'b1' }),
    generation('3', { a: 'a3', b: 'b2', c: 'c1' }),
  ];

  test('begins with the first generation that is seen, of which nothing is carried over', () => {
    expect(withPublished(nothingCarried, [g1])).toMatchObject({ seen: '1', pending: [] });
  });

  test('are the repositories that changed, each with the map from before its first change', () => {
    const first = withPublished(nothingCarried, [g1]);
    const second = withPublished(first, [g2, g1]);
    expect(second.pending).toEqual([{ path: 'a', generation: '2', before: mapOf('a1') }]);
    const third = withPublished(second, [g3, g2, g1]);
    expect(third.pending).toEqual([
      { path: 'a', generation: '3', before: mapOf('a1') },
      { path: 'b', generation: '3', before: mapOf('b1') },
    ]);
    expect(withPublished(first, [g3, g2, g1])).toEqual(third);
  });

  test('is over once a generation is done, unless the path has changed again meanwhile', () => {
    const second = withPublished(withPublished(nothingCarried, [g1]), [g2, g1]);
    expect(withoutPending(second, new Set(['a']), '2').pending).toEqual([]);
    const third = withPublished(second, [g3, g2, g1]);
    expect(withoutPending(third, new Set(['a']), '2').pending).toEqual(third.pending);
  });

  test('what was spent for a generation is known until it is done', () => {
    const second = withPublished(withPublished(nothingCarried, [g1]), [g2, g1]);
    const spent = withSpent(withSpent(second, '2', 10), '2', 5);
    expect(spent.spent).toEqual({ 2: 15 });
    expect(withoutPending(spent, new Set(['a']), '2').spent).toEqual({});
  });

  test('nothing is, where it is not known any more what was served before', () => {
    expect(withPublished({ ...nothingCarried, seen: '0' }, [g3, g2])).toMatchObject({ seen: '3', pending: [] });
  });
});
