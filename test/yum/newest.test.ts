import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { PackageEntry } from '../../base/package-entry.ts';
import { NewestPackages } from '../../yum/newest.ts';
import { compareEvr } from '../../yum/rpm-version.ts';

type Streams = ReadonlyMap<string, readonly string[]>;

function entry(text: string, arch = 'x86_64'): PackageEntry {
  const [, name = '', epoch = '0', version = '', release = ''] = /^(.*?)-(?:(\d+):)?([^-]+)-([^-]+)$/.exec(text) ?? [];
  const href = `${text}.${arch}.rpm`;
  return { href, listed: { digest: digestOf(href), size: 1 }, name, epoch, version, release, arch };
}

function newest(versions: number, entries: readonly PackageEntry[], streams: Streams = new Map()): string[] {
  const packages = new NewestPackages(versions, ({ name, epoch, version, release }) => {
    return streams.get(`${name}-${epoch}:${version}-${release}`) ?? [];
  });
  for (const each of entries) packages.add(each);
  return [...packages.hrefs()].toSorted();
}

test('of each name.arch the newest are chosen by rpm version order, source packages among them', () => {
  const entries = [
    ...['app-1.9-1', 'app-1.10-1', 'app-1.10~rc1-1', 'app-1:0.1-1', 'library-2-1'].map((text) => entry(text)),
    entry('app-1.9-1', 'i686'),
    entry('app-1.10-1', 'src'),
    entry('app-1.9-1', 'src'),
  ];
  expect(newest(1, entries)).toEqual([
    'app-1.10-1.src.rpm',
    'app-1.9-1.i686.rpm',
    'app-1:0.1-1.x86_64.rpm',
    'library-2-1.x86_64.rpm',
  ]);
  expect(newest(2, entries)).toContain('app-1.10-1.x86_64.rpm');
  expect(newest(2, entries)).not.toContain('app-1.10~rc1-1.x86_64.rpm');
});

test('of equal versions all are chosen, and they count as one', () => {
  const entries = [entry('app-1.0-1'), { ...entry('app-1.0-1'), href: 'copy/app.rpm' }, entry('app-01.0-1')];
  expect(newest(1, [entry('app-0.9-1'), ...entries])).toHaveLength(3);
  expect(newest(2, [entry('app-0.9-1'), ...entries])).toHaveLength(4);
});

test('a module stream has newest packages of its own, beside those of no module', () => {
  const streams = new Map([
    ['nodejs-1:18.1-1', ['nodejs:18']],
    ['nodejs-1:18.2-1', ['nodejs:18']],
    ['nodejs-1:20.1-1', ['nodejs:20']],
    ['npm-0:9-1', ['nodejs:18', 'nodejs:20']],
    ['npm-0:10-1', ['nodejs:20']],
  ]);
  const entries = [
    'nodejs-1:18.1-1',
    'nodejs-1:18.2-1',
    'nodejs-1:20.1-1',
    'nodejs-16.1-1',
    'nodejs-16.0-1',
    'npm-9-1',
    'npm-10-1',
  ].map((text) => entry(text));
  expect(newest(1, entries, streams)).toEqual([
    'nodejs-16.1-1.x86_64.rpm',
    'nodejs-1:18.2-1.x86_64.rpm',
    'nodejs-1:20.1-1.x86_64.rpm',
    'npm-10-1.x86_64.rpm',
    // The newest of stream 18, although 20 has a newer one.
    'npm-9-1.x86_64.rpm',
  ]);
});

const evr = fc.record({
  epoch: fc.constantFrom('0', '1'),
  version: fc.constantFrom('1', '1.0', '01', '1~rc', '1^git', '1.é', '1.', '2', '10', 'a', '9'),
  release: fc.constantFrom('1', '2', '1.el9', '1~0', ''),
});
const nevra = fc.record({ name: fc.constantFrom('a', 'b', 'c'), arch: fc.constantFrom('noarch', 'src'), evr });
const repository = fc.array(nevra, { maxLength: 60 }).map((list) =>
  list.map(({ name, arch, evr: { epoch, version, release } }, index): PackageEntry => {
    const href = `p${index}.rpm`;
    return { href, listed: { digest: digestOf(href), size: index }, name, epoch, version, release, arch };
  }),
);
const modular = fc
  .array(fc.tuple(nevra, fc.subarray(['m:1', 'm:2'], { minLength: 1 })), { maxLength: 20 })
  .map((list): Streams => {
    return new Map(
      list.map(([{ name, evr: of }, streams]) => [`${name}-${of.epoch}:${of.version}-${of.release}`, streams]),
    );
  });

/** The definition, word for word. */
function byDefinition(versions: number, entries: readonly PackageEntry[], streams: Streams): string[] {
  const streamsOf = (of: PackageEntry): readonly string[] =>
    streams.get(`${of.name}-${of.epoch}:${of.version}-${of.release}`) ?? [''];
  const chosen = entries.filter((one) =>
    streamsOf(one).some((stream) => {
      const newer = entries.filter(
        (other) =>
          other.name === one.name &&
          other.arch === one.arch &&
          streamsOf(other).includes(stream) &&
          compareEvr(other, one) > 0,
      );
      const distinct = newer.filter((each, index) =>
        newer.slice(0, index).every((before) => compareEvr(before, each) !== 0),
      );
      return distinct.length < versions;
    }),
  );
  return chosen.map(({ href }) => href).toSorted();
}

test('what is chosen is what the definition says, whatever the order; all with N without end; the same when chosen again', () => {
  fc.assert(
    fc.property(repository, modular, fc.integer({ min: 1, max: 5 }), fc.infiniteStream(fc.nat()), (...given) => {
      const [entries, streams, versions, keys] = given;
      const chosen = newest(versions, entries, streams);
      expect(chosen).toEqual(byDefinition(versions, entries, streams));
      const shuffled = entries.map((each) => [keys.next().value, each] as const).toSorted(([a], [b]) => a - b);
      expect(
        newest(
          versions,
          shuffled.map(([, each]) => each),
          streams,
        ),
      ).toEqual(chosen);
      const again = entries.filter(({ href }) => chosen.includes(href));
      expect(newest(versions, again, streams)).toEqual(chosen);
      expect(newest(Infinity, entries, streams)).toEqual(entries.map(({ href }) => href).toSorted());
    }),
    { numRuns: 1_000 },
  );
});

test('of 60,000 packages of 200 names, two of each name are chosen', () => {
  const packages = new NewestPackages(2, () => []);
  for (let index = 0; index < 60_000; index += 1) {
    packages.add({ ...entry(`package${index % 200}-${index}-1`), href: `p${index}.rpm` });
  }
  expect(packages.hrefs().size).toBe(400);
});
