import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { systemClock } from '../../base/clock.ts';
import { digestOf } from '../../base/digest.ts';
import type { Algorithm, Digest, Listed } from '../../base/digest.ts';
import { possessionScope } from '../../base/generation.ts';
import type { GenerationDocument, RepositoryDocument } from '../../base/generation.ts';
import { silentLogger } from '../../base/log.ts';
import type { Logger } from '../../base/log.ts';
import { silentMeter } from '../../base/metrics.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { Generations } from '../../cache/generations/generations.ts';
import { Maps } from '../../cache/maps.ts';
import { CacheSink } from '../../cache/sink.ts';
import { Pointers } from '../../cache/unlisted/pointers.ts';
import { Collector } from '../../cache/upkeep/collect.ts';
import { countBlobs } from '../../cache/upkeep/count-blobs.ts';
import { Retirement } from '../../cache/upkeep/retire.ts';
import type { HeldPackages, Keep, Newest } from '../../cache/upkeep/rules.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { generation } from './generation-documents.ts';
import { bytesBelow, pieces } from './pieces.ts';
import type { Pieces } from './pieces.ts';

export const patient = new AbortController().signal;
export const hour = 3_600_000;

/** What the configuration says; tests change it. */
export interface Configured {
  keeps: Keep[];
  readonly full: Set<string>;
  /** Of every repository. */
  newest: Newest | null;
  confirmed: boolean;
}

/** A store with what retires and collects in it, over a real folder. */
export interface UpkeepPieces extends Pieces {
  readonly generations: Generations;
  readonly maps: Maps;
  readonly pointers: Pointers;
  readonly sink: CacheSink;
  readonly retirement: Retirement;
  readonly collector: Collector;
  readonly configured: Configured;
  readonly log: string[];
}

export async function upkeepPieces(options: { root?: string; disk?: Disk } = {}): Promise<UpkeepPieces> {
  const { disk = systemDisk } = options;
  const clock = new StandingClock(Date.UTC(2026, 10, 30));
  const store = await pieces({ ...options, clock });
  const { layout, blobs, fills, space, marks, claims } = store;
  const said: string[] = [];
  const log: Logger = {
    ...silentLogger,
    warn: (fields, message) => void said.push(`${message} ${JSON.stringify(fields)}`),
    error: (fields, message) => void said.push(`${message} ${JSON.stringify(fields)}`),
  };
  const { several } = blobs;
  await countBlobs({ disk: systemDisk, layout, count: several.beginCount(), log: silentLogger }, patient);
  await several.endCount();
  claims.indexed();
  const generations = await Generations.load(disk, layout, log, clock);
  const maps = new Maps(disk, layout);
  const pointers = new Pointers(disk, layout);
  const sink = new CacheSink({ disk, layout, blobs, fills, maps, space, room: space, claims });
  const configured: Configured = {
    keeps: [{ subscription: 'corp', generations: 2, grace: hour }],
    full: new Set(),
    newest: null,
    confirmed: true,
  };
  const rules = {
    keeps: () => configured.keeps,
    holds: (_: string, path: string): HeldPackages =>
      configured.full.has(path) ? 'all' : (configured.newest ?? 'none'),
    clock: {
      get confirmed() {
        return configured.confirmed;
      },
    },
  };
  const common = { disk, layout, generations, rules, log, meter: silentMeter };
  const retirement = new Retirement({ ...common, clock, retired: () => {} });
  const busy = (): boolean => fills.active > 0;
  const stored = { maps, pointers, blobs, marks, claims };
  const collector = new Collector({ ...common, ...stored, lost: () => {}, busy, clock: systemClock });
  const end = async (): Promise<void> => {
    await maps.close();
    await store[Symbol.asyncDispose]();
  };
  return {
    ...store,
    generations,
    maps,
    pointers,
    sink,
    retirement,
    collector,
    configured,
    log: said,
    [Symbol.asyncDispose]: end,
  };
}

/** A package, held. */
export interface StoredPackage {
  readonly href: string;
  readonly listed: Listed;
  readonly bytes: Buffer;
}

export async function storedPackage(
  { sink }: Pick<UpkeepPieces, 'sink'>,
  href: string,
  { size = 3_000, scope = 'open', algorithm = 'sha256' }: { size?: number; scope?: string; algorithm?: Algorithm } = {},
): Promise<StoredPackage> {
  const bytes = randomBytes(size);
  const listed = { digest: digestOf(bytes, algorithm), size };
  const own = possessionScope(scope, 'site/base', listed);
  await sink.ensure(own, listed, new ScriptedLoader([{ bytes }]), patient);
  return { href, listed, bytes };
}

/** A repository at `site/base` with its metadata and its map, all held. */
export async function storedRepository(
  { sink }: Pick<UpkeepPieces, 'sink'>,
  packages: readonly Pick<StoredPackage, 'href' | 'listed'>[],
  scope = 'open',
): Promise<RepositoryDocument> {
  const [repomd, asc, primary] = await Promise.all(
    ['repomd', 'asc', 'primary'].map((name) =>
      sink.keep(scope, Buffer.from(`${name} ${randomBytes(8).toString('hex')}`)),
    ),
  );
  if (repomd === undefined || asc === undefined || primary === undefined) throw new Error('three were kept');
  await sink.writeMap(primary.digest, async (to) => {
    for (const { href, listed } of packages) {
      to.add({ href, listed });
    }
  });
  const records = { 'repodata/primary.xml.gz': primary };
  return { scope, guard: null, repomd, asc, key: null, treeinfo: null, records, map: primary.digest };
}

/** Publishes the nth generation of `corp`, with one repository. */
export async function published(
  { generations }: Pick<UpkeepPieces, 'generations'>,
  number: number,
  repository: RepositoryDocument,
): Promise<GenerationDocument> {
  const document = generation(number, { 'site/base': repository });
  await generations.publish(document);
  return document;
}

export function isHeld({ layout }: Pieces, listed: Listed, scope = 'open'): boolean {
  return existsSync(layout.blob(possessionScope(scope, 'site/base', listed), listed));
}

export function isMapHeld({ layout }: Pieces, map: Digest | null): boolean {
  return map !== null && existsSync(layout.map(map));
}

/** Everything that a repository refers to, packages among them. */
export function filesOf(document: RepositoryDocument, packages: readonly StoredPackage[] = []): readonly Listed[] {
  const { repomd, asc, records } = document;
  return [repomd, asc, ...Object.values(records), ...packages.map(({ listed }) => listed)].filter(
    (file) => file !== null,
  );
}

export function allHeld(store: Pieces, document: RepositoryDocument, packages: readonly StoredPackage[] = []): boolean {
  return isMapHeld(store, document.map) && filesOf(document, packages).every((listed) => isHeld(store, listed));
}

/** @throws when what counts as used is not what blobs and parts take. */
export async function countedRight({ space, layout }: Pieces): Promise<void> {
  const taken = await bytesBelow(layout.blobs, layout.parts);
  if (space.used !== taken || space.reserved !== 0)
    throw new Error(`counted ${space.used} and reserved ${space.reserved}, taken ${taken}`);
}
