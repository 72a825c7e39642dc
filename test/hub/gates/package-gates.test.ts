import { expect, test } from 'vitest';
import { digestOf } from '../../../base/digest.ts';
import type { Bundle, BundlePackage, BundleRepository } from '../../../hub/gates/bundle.ts';
import { waiverFor } from '../../../hub/gates/finding.ts';
import { clashes, downgrades, jumps } from '../../../hub/gates/package-gates.ts';
import { nevraText } from '../../../yum/nevra.ts';

const repository = (path: string): BundleRepository => ({ path, records: [], read: () => [] as never });
const [os, apps] = [repository('os'), repository('apps')];

function one(
  name: string,
  evr: string,
  more: { bytes?: string; size?: number; at?: BundleRepository } = {},
): BundlePackage {
  const [epoch = '0', rest = ''] = evr.includes(':') ? evr.split(':') : ['0', evr];
  const [version = '', release = ''] = rest.split('-');
  const nevra = { name, epoch, version, release, arch: 'x86_64' };
  const { bytes = `${name} ${evr}`, size = 10, at = os } = more;
  return { ...nevra, text: nevraText(nevra), repository: at, listed: { digest: digestOf(bytes), size } };
}

test('one NEVRA of two files clashes: in the bundle, and with what the channel had', () => {
  const again = one('a', '1-1', { at: apps });
  const other = one('a', '1-1', { at: apps, bytes: 'other' });
  expect(clashes([one('a', '1-1'), again], [])).toEqual([]);
  expect(clashes([one('a', '1-1'), other], [])).toEqual([
    { subject: 'a-1-1.x86_64', message: 'is two different files, in os and apps' },
  ]);
  const history = [
    { name: 'week-1', packages: [other, one('b', '1-1', { bytes: 'gone' })] },
    { name: 'week-2', packages: [other] },
  ];
  expect(clashes([one('a', '1-1'), one('c', '1-1')], history)).toEqual([
    { subject: 'a-1-1.x86_64', message: 'is another file than in week-1' },
  ]);
  const sha512 = { ...one('a', '1-1'), listed: { digest: digestOf('x', 'sha512'), size: 10 } };
  expect(clashes([one('a', '1-1')], [{ name: 'week-1', packages: [sha512] }])).toEqual([]);
});

test('a package whose newest version is older than before went back; one that left, or that moved on, did not', () => {
  const before = [one('a', '1:2-1'), one('b', '1-1'), one('c', '1-1'), one('d', '10-1'), one('e', '2-1', { at: apps })];
  const now = [one('a', '3-1'), one('b', '1-2'), one('d', '9-1'), one('d', '10-1'), one('e', '1-1')];
  expect(downgrades(now, before)).toEqual([
    { subject: 'a-3-1.x86_64', message: 'is older than a-1:2-1.x86_64, which os had before' },
  ]);
});

test('a repository that goes, grows or shrinks beyond what is allowed jumps', () => {
  const named = (name: string, ...repositories: BundleRepository[]): Bundle => ({ name, repositories });
  const many = (count: number, size: number): BundlePackage[] =>
    Array.from({ length: count }, (_, index) => one(`p${index}`, '1-1', { size }));
  const then = { bundle: named('one', os, apps), packages: many(10, 10) };
  const allowed = { packages: 20, bytes: 50 };
  expect(jumps({ bundle: named('two', os, apps), packages: many(12, 10) }, then, allowed)).toEqual([]);
  expect(jumps({ bundle: named('two', os), packages: many(13, 12) }, then, allowed)).toEqual([
    { subject: 'os', message: 'had 10 packages and has 13 (+30.0 %)' },
    { subject: 'os', message: 'had 100 bytes and has 156 (+56.0 %)' },
    { subject: 'apps', message: 'is gone' },
  ]);
  expect(jumps({ bundle: named('two', os, apps), packages: [] }, then, allowed)).toHaveLength(2);
});

test('a waiver holds for its gate and its package, by NEVRA or by name, to the end of its day', () => {
  const waiver = { gate: 'closure', name: 'a', by: 'alice', why: 'known', until: '2026-11-30' };
  const asked = { gate: 'closure', subject: 'a-1-1.x86_64', packageName: 'a' } as const;
  const at = (text: string): number => Date.parse(text);
  expect(waiverFor(asked, [waiver], at('2026-11-30T23:59:59Z'))).toBe(waiver);
  expect(waiverFor(asked, [waiver], at('2026-12-01T00:00:00Z'))).toBeNull();
  expect(waiverFor({ ...asked, gate: 'no-clash' }, [waiver], 0)).toBeNull();
  expect(waiverFor({ ...asked, subject: 'b-1-1.x86_64', packageName: 'b' }, [waiver], 0)).toBeNull();
  const exact = { ...waiver, name: 'a-1-1.x86_64', until: '2026-11-30T12:00:00Z' };
  expect(waiverFor(asked, [exact], at('2026-11-30T11:59:59Z'))).toBe(exact);
  expect(waiverFor(asked, [exact], at('2026-11-30T12:00:00Z'))).toBeNull();
  expect(waiverFor({ ...asked, subject: '*', packageName: null }, [exact], 0)).toBeNull();
});
