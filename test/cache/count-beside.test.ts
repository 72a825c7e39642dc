import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Algorithm } from '../../base/digest.ts';
import { checkRest, rest, stop } from '../power-cuts/invariants.ts';
import { layout, Machine, open } from '../power-cuts/machine.ts';
import type { KnownFile, Running } from '../power-cuts/machine.ts';
import { fill } from '../power-cuts/scenarios.ts';
import { Seeded } from '../simulation/seeded.ts';
import { RecordingDisk } from '../support/recording-disk.ts';

/** By so many names a file may be listed. */
const names: readonly (readonly [scope: string, algorithm: Algorithm])[] = [
  ['open', 'sha256'],
  ['corp', 'sha256'],
  ['corp', 'sha512'],
  ['site', 'sha512'],
];

/** One thing that is done to a file while the names are counted. */
async function meddle(machine: Machine, { store }: Running, file: KnownFile, random: Seeded): Promise<void> {
  const { scope, listed } = file;
  for (let turns = random.whole(0, 40); turns > 0; turns -= 1) await Promise.resolve();
  for (let turns = random.whole(0, 2); turns > 0; turns -= 1) await setImmediate();
  const what = random.one(['set aside', 'set aside and fetched', 'removed', 'looked for', 'fetched']);
  if (what === 'removed') await store.blobs.remove(scope, listed);
  if (what.startsWith('set aside')) await store.blobs.distrust(scope, listed);
  if (what === 'looked for') await store.blobs.holds(scope, listed);
  if (what.endsWith('fetched')) await fill(machine, store, file);
}

/** Waits while time passes: a file that is fetched again at once is not. */
async function ticking({ clock }: Running, work: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  const end = (): void => done.abort();
  void work.then(end, end);
  while (!done.signal.aborted) {
    await setImmediate();
    clock.advance(50);
  }
  await work;
}

/** A store whose first process is killed or stops; the second one's callers do not wait until all is counted. */
async function countBeside(seed: number): Promise<readonly string[]> {
  const random = new Seeded(seed);
  const machine = new Machine(random.fork());
  // Of one name each, when no file has two: then the names alone are counted, and no file is looked at.
  const listedBy = random.chance(0.3) ? names.slice(0, 1) : names;
  const files = [700, 5000, 2100].flatMap((size) => {
    const bytes = machine.random.bytes(size);
    return listedBy.map(([scope, algorithm]) => machine.named(bytes, algorithm, scope));
  });
  const before = await open(new RecordingDisk(machine.files, { random: random.fork() }));
  await before.store.recovered;
  await Promise.all(files.filter(() => random.chance(0.8)).map((file) => fill(machine, before.store, file)));
  await rest(before);
  const broken: string[] = [];
  const say = (invariant: string, text: string): void => {
    if (invariant === 'P5') broken.push(`seed ${seed}: ${text}`);
  };
  await stop(before, say);
  // Without its snapshot a stop is like a kill: the names are counted.
  if (random.chance(0.6)) machine.files.unlink(layout.snapshot);
  const beside = await open(new RecordingDisk(machine.files, { random: random.fork() }));
  const meddled = Array.from({ length: 8 }, () => files.at(random.whole(0, files.length - 1)) ?? machine.file(1));
  await ticking(beside, Promise.all(meddled.map((file) => meddle(machine, beside, file, random.fork()))));
  await beside.store.recovered;
  await rest(beside);
  checkRest(machine.files, beside, machine, say);
  // What the count made of files with several names is right too: all of them can go.
  for (const { scope, listed } of files) await beside.store.blobs.remove(scope, listed);
  checkRest(machine.files, beside, machine, say);
  await stop(beside, say);
  return broken;
}

test('whatever is done to names while they are counted, or their snapshot is read, each file counts once', async () => {
  const broken: string[] = [];
  for (let seed = 1; seed <= 200; seed += 1) broken.push(...(await countBeside(seed)));
  expect(broken).toEqual([]);
});
