import { setImmediate } from 'node:timers/promises';
import type { RepositoryDocument } from '../../base/generation.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import type { Gate } from '../support/faulty-origin-gate.ts';
import { passed } from '../support/scripted-loader.ts';
import { published, storedPackage, storedRepository } from './upkeep-pieces.ts';
import type { StoredPackage, UpkeepPieces } from './upkeep-pieces.ts';

/** What `threeGenerations` stored and published. */
type ThreeGenerations = Readonly<
  Record<'old' | 'shared' | 'fresh', StoredPackage> & Record<'first' | 'second' | 'third', RepositoryDocument>
>;

/** Three generations: the first has a package of its own, and one that it shares with the others; it is to go. */
export async function threeGenerations(store: UpkeepPieces): Promise<ThreeGenerations> {
  const [old, shared, fresh] = [
    await storedPackage(store, 'old.rpm'),
    await storedPackage(store, 'shared.rpm'),
    await storedPackage(store, 'fresh.rpm'),
  ];
  const first = await storedRepository(store, [old, shared]);
  const second = await storedRepository(store, [shared]);
  const third = await storedRepository(store, [shared, fresh]);
  await published(store, 1, first);
  await published(store, 2, second);
  await published(store, 3, third);
  return { old, shared, fresh, first, second, third };
}

/** A disk that stops before removing a file whose path fits, until the gate opens. */
export function stoppingAt(gate: Gate, fits: (path: string) => boolean): Disk {
  const unlink: Disk['unlink'] = async (path) => {
    if (fits(path)) await passed(gate);
    await systemDisk.unlink(path);
  };
  return { ...systemDisk, unlink };
}

/** Ends all runs, so that nothing is held back but what documents refer to. */
export function noRuns({ claims }: UpkeepPieces): void {
  claims.beginRun('corp').end({});
}

/** Lets happen what can without anything being opened: for what must wait. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await setImmediate();
}
