import { digestOf } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import type { ClientPlan } from './simulated-client.ts';
import type { DiskTroubles } from './simulated-disk.ts';
import { faults } from './simulated-origin.ts';
import type { SimulatedSource } from './simulated-origin.ts';
import type { Seeded } from './seeded.ts';

const mebibyte = 1024 * 1024;

/** A listed file, its right bytes, and who has them. */
export interface SimulatedFile {
  readonly name: string;
  readonly scope: string;
  readonly bytes: Buffer;
  readonly listed: Listed;
  readonly sources: readonly [SimulatedSource, ...SimulatedSource[]];
}

/** A sync that wants a file kept. */
export interface SyncPlan {
  readonly name: string;
  readonly file: SimulatedFile;
  /** Milliseconds; gives up so much later, null: never. */
  readonly arrives: number;
  readonly patience: number | null;
}

/** Everything about a world that is decided before it begins. */
export interface Scenario {
  readonly files: readonly SimulatedFile[];
  readonly clients: readonly { readonly file: SimulatedFile; readonly plan: ClientPlan }[];
  readonly syncs: readonly SyncPlan[];
  readonly disk: DiskTroubles;
  /** Most bytes that blobs and parts may take. */
  readonly budget: number;
}

/** Draws a world. */
export function scenario(random: Seeded): Scenario {
  // Deep ranges are passed through only where the fill is 8 MiB behind.
  const giant = random.chance(0.08) ? random.one([12, 12, 12, 33]) * mebibyte : null;
  const files = Array.from({ length: random.whole(1, 3) }, (_, index) =>
    file(`file ${index}`, index === 0 && giant !== null ? giant : sizeOf(random), random.fork()),
  );
  const some = files as [SimulatedFile, ...SimulatedFile[]];
  const clients = Array.from({ length: random.whole(1, 10) }, (_, index) => {
    const wanted = random.one(some);
    return { file: wanted, plan: client(`client ${index}`, wanted.listed, random.fork()) };
  });
  const syncs = Array.from({ length: random.one([0, 0, 1, 2]) }, (_, index): SyncPlan => {
    const patience = random.chance(0.4) ? random.whole(0, 20_000) : null;
    return { name: `sync ${index}`, file: random.one(some), arrives: random.whole(0, 3_000), patience };
  });
  return { files, clients, syncs, ...room(files, random) };
}

function sizeOf(random: Seeded): number {
  return random.one([
    random.whole(0, 3),
    random.whole(0, 5_000),
    random.whole(0, mebibyte),
    random.whole(mebibyte - 1, mebibyte + 2),
    random.whole(mebibyte, 3 * mebibyte),
    random.whole(mebibyte, 3 * mebibyte),
  ]);
}

function file(name: string, size: number, random: Seeded): SimulatedFile {
  const bytes = random.bytes(size);
  const listed = { digest: digestOf(bytes, random.chance(0.15) ? 'sha512' : 'sha256'), size };
  const sources = Array.from({ length: random.one([1, 1, 2, 2, 3]) }, (_, index) => source(`${name}@${index}`, random));
  const scope = random.chance(0.9) ? 'open' : 'corp-12ab';
  return { name, scope, bytes, listed, sources: sources as [SimulatedSource, ...SimulatedSource[]] };
}

function source(name: string, random: Seeded): SimulatedSource {
  return {
    name,
    fault: random.chance(0.35) ? null : random.one(faults),
    share: random.one([0.2, 0.5, 1]),
    slowness: random.one([2, 20, 20, 50, 400]),
    tellsLength: random.chance(0.7),
  };
}

function client(name: string, listed: Listed, random: Seeded): ClientPlan {
  const { size } = listed;
  const isGiant = size > 10 * mebibyte;
  const isRange = size > 1 && random.chance(isGiant ? 0.6 : 0.3);
  const nearEnd = random.whole(Math.max(0, size - 70_000), size - 1);
  const deep = isGiant ? random.whole(9 * mebibyte, size - 70_000) : random.whole(0, size - 1);
  const start = isRange ? random.one([0, deep, deep, nearEnd]) : 0;
  const end = isRange && random.chance(0.5) ? random.whole(start + 1, size) : size;
  return {
    name,
    listed,
    start,
    end,
    arrives: random.one([
      0,
      random.whole(0, 200),
      random.whole(0, 200),
      random.whole(0, 5_000),
      random.whole(0, 90_000),
    ]),
    buffer: random.one([random.whole(20_000, 70_000), 65_536, 524_288]),
    pace: random.one([0, 0, 0, random.whole(1, 50), random.whole(50, 2_000)]),
    leavesAfter: random.chance(0.25) ? random.whole(0, end - start) : null,
  };
}

function room(files: readonly SimulatedFile[], random: Seeded): Pick<Scenario, 'disk' | 'budget'> {
  const total = files.reduce((sum, { listed }) => sum + listed.size, 0);
  const roomy = 2 ** 32;
  const kind = random.one(['well', 'well', 'well', 'small', 'budget', 'writes', 'writes', 'reads']);
  const from = random.one([0, random.whole(0, 300)]);
  const sick = [
    [from, from + random.whole(10, 20_000)],
    [30_000, 30_000 + random.whole(0, 60_000)],
  ] as const;
  return {
    disk: {
      capacity: kind === 'small' ? random.whole(0, total) : roomy,
      failingWrites: kind === 'writes' ? random.one([0.02, 0.1, 0.5]) : 0,
      failingReads: kind === 'reads' ? random.one([0.02, 0.2]) : 0,
      sick,
    },
    budget: kind === 'budget' ? random.whole(0, total) : roomy,
  };
}
