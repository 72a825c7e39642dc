import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { digestOf } from '../base/digest.ts';
import type { Digest } from '../base/digest.ts';
import { silentLogger } from '../base/log.ts';
import { silentMeter } from '../base/metrics.ts';
import type { Loader, Transfer } from '../base/transfer.ts';
import { systemDisk } from '../disk/disk.ts';
import type { Disk } from '../disk/disk.ts';
import { Store } from '../cache/store.ts';
import { median } from './lab/processes.ts';

export const about =
  'the store keeps 5,000 files of 30 KB from memory, durably, with and without a sync for the whole file system: files/s and CPU';

const files = 5_000;
const size = 30_000;
const repetitions = 3;

interface MemoryFile {
  readonly digest: Digest;
  readonly bytes: Buffer;
}

interface Figures {
  readonly perSecond: number;
  /** Microseconds of this process for a file, and how many of them in the kernel; what `sync` itself uses is not in it. */
  readonly cpu: number;
  readonly system: number;
  /** Calls that make something durable. */
  readonly syncs: number;
}

/** What is measured is where the temporary directory is; on a memory file system every sync is free. */
export async function run(): Promise<void> {
  const columns = ['files/s', 'CPU µs/file', 'kernel', 'syncs/file'];
  console.log(`${'at once'.padEnd(34)}${columns.map((name) => name.padStart(14)).join('')}`);
  for (const atOnce of [1, 8, 64]) {
    const found: Record<'sync -f' | 'each by itself', Figures[]> = { 'sync -f': [], 'each by itself': [] };
    for (let repetition = 0; repetition < repetitions; repetition += 1) {
      for (const way of ['sync -f', 'each by itself'] as const) found[way].push(await measured(atOnce, way));
    }
    for (const [way, figures] of Object.entries(found)) {
      const of = (figure: (of: Figures) => number, digits: number): string =>
        median(figures.map(figure)).toFixed(digits).padStart(14);
      console.log(
        `${`${atOnce}, ${way}`.padEnd(34)}${of(({ perSecond }) => perSecond, 0)}${of(({ cpu }) => cpu, 0)}${of(({ system }) => system, 0)}${of(({ syncs }) => syncs, 2)}`,
      );
    }
  }
  console.log(`  load ${loadavg()[0]?.toFixed(1)}`);
}

async function measured(atOnce: number, way: 'sync -f' | 'each by itself'): Promise<Figures> {
  const root = mkdtempSync(join(tmpdir(), 'waystation-bench-'));
  const counts = { syncs: 0 };
  const store = await Store.open({
    root,
    limits: { max: () => 2 ** 40, keepFree: () => 0 },
    clock: systemClock,
    log: silentLogger,
    meter: silentMeter,
    disk: counting(counts, way === 'sync -f'),
    lock: async () => ({ release: () => {} }),
  });
  try {
    await store.recovered;
    const source = randomFiles();
    counts.syncs = 0;
    const [cpu, began] = [process.cpuUsage(), performance.now()];
    await Promise.all(Array.from({ length: atOnce }, () => keepAll(store, source)));
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return {
      perSecond: files / seconds,
      cpu: (user + system) / files,
      system: system / files,
      syncs: counts.syncs / files,
    };
  } finally {
    await store.close();
    rmSync(root, { recursive: true, force: true });
  }
}

async function keepAll(store: Store, source: Iterator<MemoryFile>): Promise<void> {
  const { signal } = new AbortController();
  for (let next = source.next(); next.done !== true; next = source.next()) {
    const { digest, bytes } = next.value;
    await store.fills.ensure({ scope: 'open', listed: { digest, size }, loader: () => loaderOf(bytes) }, signal);
  }
}

/** All made before anything is measured. */
function randomFiles(): Iterator<MemoryFile> {
  const made = Array.from({ length: files }, () => {
    const bytes = randomBytes(size);
    return { digest: digestOf(bytes), bytes };
  });
  return made.values();
}

function loaderOf(bytes: Buffer): Loader {
  const open = async (offset: number): Promise<Transfer> => ({
    offset,
    source: 'memory',
    total: bytes.length,
    contentType: null,
    etag: null,
    lastModified: null,
    consume: async (sink) => sink(bytes.subarray(offset)),
    cancel: () => {},
  });
  return { open, lied: () => {} };
}

function counting(counts: { syncs: number }, together: boolean): Disk {
  return {
    ...systemDisk,
    syncFile: (path) => {
      counts.syncs += 1;
      return systemDisk.syncFile(path);
    },
    syncFolder: (path) => {
      counts.syncs += 1;
      return systemDisk.syncFolder(path);
    },
    syncAll: (path) => {
      if (!together) return Promise.resolve(false);
      counts.syncs += 1;
      return systemDisk.syncAll(path);
    },
  };
}
