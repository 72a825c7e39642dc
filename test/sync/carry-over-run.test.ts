import { beforeEach, expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Digest, Listed } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { ErrorCode } from '../../base/errors.ts';
import type { GenerationDocument } from '../../base/generation.ts';
import { silentLogger } from '../../base/log.ts';
import type { WantedRepository } from '../../mirror/discovery.ts';
import { memoryNotes } from '../../cache/notes.ts';
import { CarryOver } from '../../sync/carry-over/carry-over.ts';
import { documentOf } from './documents.ts';

/** Packages by map; each has 10 bytes. A map that is not there is lost. */
let maps: Map<Digest, readonly string[]>;
let kept: GenerationDocument[];
let held: Set<Digest>;
let fetched: string[];
/** What happens to a package that is asked for; absent: it comes. */
let failing: Map<string, ErrorCode>;
let notes: ReturnType<typeof memoryNotes>;

beforeEach(() => {
  maps = new Map();
  kept = [];
  held = new Set();
  fetched = [];
  failing = new Map();
  notes = memoryNotes();
});

/** Publishes a generation whose repository `a` lists these packages. */
function publish(id: string, ...names: readonly string[]): void {
  const document = documentOf(names.join());
  maps.set(digestOf(names.join()), names);
  const created = '2026-11-23T10:15:00Z';
  const generation = {
    format: 1,
    id,
    subscription: 'vendor',
    created,
    hubVersion: null,
    repositories: { a: document },
  };
  kept.unshift(generation as GenerationDocument);
}

function listedOf(name: string): Listed {
  return { digest: digestOf(name), size: 10 };
}

function carryOver(limit: number, concerns = true): CarryOver {
  const supplier = { loader: (href: string) => ({ href }) };
  return new CarryOver({
    subscription: 'vendor',
    limit,
    concerns: () => concerns,
    upstream: (path) => ({ path, scope: 'open', supplier }) as unknown as WantedRepository,
    demand: async () =>
      ['app', 'lib', 'tool'].map((name, index) => ({ name: `${name}.noarch`, score: 1, last: 9 - index })),
    log: silentLogger,
    store: {
      kept: () => kept,
      holds: (_scope, digest) => held.has(digest),
      notes,
      packages: async function* packages(map) {
        const names = maps.get(map);
        if (names === undefined) throw new WaystationError('blob_damaged', 'lost');
        for (const name of names) yield { href: `${name}.rpm`, listed: listedOf(name) };
      },
      prefetch: async (_scope, listed, loader) => {
        const { href } = loader as unknown as { readonly href: string };
        const code = failing.get(href);
        if (code !== undefined) throw new WaystationError(code, href);
        if (held.has(listed.digest)) return false;
        held.add(listed.digest);
        fetched.push(href);
        return true;
      },
    },
  });
}

const failures: string[] = [];
const report = {
  progress: { expected: () => {}, done: () => {} },
  failed: (path: string) => void failures.push(path),
};
const run = (carrier: CarryOver): Promise<void> => carrier.run(report, new AbortController().signal);

const first = ['app-1-1.noarch', 'lib-1-1.noarch', 'tool-1-1.noarch'];
const second = ['app-2-1.noarch', 'lib-2-1.noarch', 'tool-2-1.noarch'];

/** The first generation is seen, the second is news. */
async function changed(carrier: CarryOver): Promise<void> {
  publish('1', ...first);
  expect(await carrier.hasWork()).toBe(false);
  publish('2', ...first, ...second);
  expect(await carrier.hasWork()).toBe(true);
}

test('a generation is carried over once, newest demand first, within its bytes', async () => {
  const carrier = carryOver(25);
  await changed(carrier);
  await run(carrier);
  expect(fetched.toSorted()).toEqual(['app-2-1.noarch.rpm', 'lib-2-1.noarch.rpm']);
  expect(await carrier.hasWork()).toBe(false);
  expect(await carryOver(25).hasWork()).toBe(false);
});

test('an outage ends it, and it goes on with what is missing, also in another process, within the same bytes', async () => {
  const carrier = carryOver(25);
  await changed(carrier);
  held.add(digestOf('tool-2-1.noarch'));
  failing.set('lib-2-1.noarch.rpm', 'upstream_unreachable');
  await expect(run(carrier)).rejects.toMatchObject({ code: 'upstream_unreachable' });
  expect(fetched).toEqual(['app-2-1.noarch.rpm']);
  failing.clear();
  const later = carryOver(25);
  expect(await later.hasWork()).toBe(true);
  await run(later);
  expect(fetched).toEqual(['app-2-1.noarch.rpm', 'lib-2-1.noarch.rpm']);
  publish('3', ...first, ...second, 'lib-3-1.noarch');
  await run(later);
  expect(fetched).toHaveLength(3);
});

test('what was fetched before an outage is not to be had once more after it', async () => {
  const carrier = carryOver(15);
  await changed(carrier);
  failing.set('lib-2-1.noarch.rpm', 'upstream_unreachable');
  await run(carrier);
  failing.clear();
  expect(await carrier.hasWork()).toBe(false);
  expect(fetched).toEqual(['app-2-1.noarch.rpm']);
});

test('a package that is missing upstream is named and stops no other; a disk that refuses ends it', async () => {
  const carrier = carryOver(1000);
  await changed(carrier);
  failing.set('app-2-1.noarch.rpm', 'upstream_missing');
  await run(carrier);
  expect(failures.at(-1)).toBe('a/app-2-1.noarch.rpm');
  expect(fetched.toSorted()).toEqual(['lib-2-1.noarch.rpm', 'tool-2-1.noarch.rpm']);
  publish('3', ...first, ...second, 'app-3-1.noarch');
  failing.set('app-3-1.noarch.rpm', 'disk_full');
  await expect(run(carrier)).rejects.toMatchObject({ code: 'disk_full' });
  expect(await carrier.hasWork()).toBe(true);
});

test('what a policy fetches anyway is nothing to carry over', async () => {
  const carrier = carryOver(1000, false);
  publish('1', ...first);
  await carrier.hasWork();
  publish('2', ...first, ...second);
  expect(await carrier.hasWork()).toBe(false);
});

test('where the map of before is gone nothing is carried over: all would seem new', async () => {
  const carrier = carryOver(1000);
  await changed(carrier);
  maps.delete(digestOf(first.join()));
  await run(carrier);
  expect([fetched, await carrier.hasWork()]).toEqual([[], false]);
});
