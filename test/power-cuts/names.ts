import type { Algorithm } from '../../base/digest.ts';
import { rest } from './invariants.ts';
import type { Scenario } from './scenarios.ts';
import { fill, inOneFolder } from './scenarios.ts';

/** One row of bytes, by every name that somebody may list it by. */
const twice: readonly (readonly [scope: string, algorithm: Algorithm])[] = [
  ['open', 'sha256'],
  ['corp', 'sha256'],
  ['corp', 'sha512'],
  ['site', 'sha512'],
];

/** Files that share their bytes. */
export const sharedBytes: readonly Scenario[] = [
  {
    name: 'scopes and algorithms bring the same files at the same instant, and again',
    prepare: (machine) => {
      const files = [700, 5000].flatMap((size) => {
        const bytes = machine.random.bytes(size);
        return twice.map(([scope, algorithm]) => machine.named(bytes, algorithm, scope));
      });
      const [first] = files;
      if (first !== undefined) machine.mayGo.add(first);
      return async (running) => {
        const { store } = running;
        await Promise.all(files.map((file) => fill(machine, store, file)));
        await rest(running);
        // One that cannot be read is fetched anew while its bytes live on under other names.
        if (first !== undefined) await store.blobs.distrust(first.scope, first.listed);
        await Promise.all(files.map((file) => fill(machine, store, file)));
      };
    },
  },
];

/** Files that share their syncs. */
export const sharedSyncs: readonly Scenario[] = [
  {
    name: 'so many files at once that one sync makes them all durable',
    prepare: (machine) => {
      const [files, others] = [inOneFolder(machine, 18), inOneFolder(machine, 17)];
      return async ({ store }) => {
        await Promise.all(files.map((file) => fill(machine, store, file)));
        await Promise.all(others.map((file) => fill(machine, store, file)));
      };
    },
  },
];
