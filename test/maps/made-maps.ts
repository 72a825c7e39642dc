import { digestOf } from '../../base/digest.ts';
import type { Algorithm, Digest, Listed } from '../../base/digest.ts';
import type { PackageEntry } from '../../base/package-entry.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { Maps } from '../../cache/maps.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { PackageMap } from '../../maps/reader.ts';

export const primary = digestOf('a primary');

export function entry(href: string, listed: Listed): PackageEntry {
  return { href, listed, name: 'n', epoch: '0', version: '1', release: '1', arch: 'noarch' };
}

export function listedFor(seed: string, algorithm: Algorithm = 'sha256', size = seed.length): Listed {
  return { digest: digestOf(seed, algorithm), size };
}

export async function mapsIn(
  root: string,
  disk = systemDisk,
): Promise<{ maps: Maps; layout: Layout } & AsyncDisposable> {
  const layout = new Layout(root);
  await systemDisk.makeFolder(layout.maps);
  await systemDisk.makeFolder(layout.parts);
  const maps = new Maps(disk, layout);
  return { maps, layout, [Symbol.asyncDispose]: () => maps.close() };
}

export type Entries = readonly { readonly href: string; readonly listed: Listed }[];

export function make(maps: Maps, entries: Entries, name: Digest = primary): Promise<PackageMap> {
  return maps.make(name, async (to) => {
    for (const { href, listed } of entries) to.add(entry(href, listed));
  });
}

export async function collected(map: PackageMap, from?: string): Promise<[string, Listed][]> {
  const all: [string, Listed][] = [];
  for await (const { href, listed } of map.entries(from)) all.push([href, listed]);
  return all;
}

export const byBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));
