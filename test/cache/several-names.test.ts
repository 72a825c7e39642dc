import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { silentLogger } from '../../base/log.ts';
import { BlobIndex } from '../../cache/blobs/blob-index.ts';
import { BlobStore } from '../../cache/blobs/blob-store.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { filePart } from '../../cache/fills/fill-place.ts';
import { Space } from '../../cache/space/space.ts';
import { Seeded } from '../simulation/seeded.ts';
import { RecordedFiles } from '../support/recorded-files.ts';
import { RecordingDisk } from '../support/recording-disk.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { roomy } from './pieces.ts';

const layout = new Layout('/state');
const scopes = ['open', 'corp', 'site'] as const;
const algorithms = ['sha256', 'sha512'] as const;

/** Held files on a disk in memory whose calls overtake each other. */
function held(random: Seeded) {
  const files = new RecordedFiles();
  for (const folder of [layout.root, layout.blobs, layout.parts, layout.damaged]) files.makeFolder(folder);
  const disk = new RecordingDisk(files, { random });
  const index = new BlobIndex();
  const clock = new StandingClock();
  const space = new Space({ disk, root: layout.root, limits: roomy, clock });
  const blobs = new BlobStore({ disk, layout, index, space, clock, log: silentLogger });
  return { files, disk, index, space, blobs };
}

type Held = ReturnType<typeof held>;

let parts = 0;

async function commit({ disk, space, blobs }: Held, scope: string, bytes: Buffer, algorithm: 'sha256' | 'sha512') {
  const listed = { digest: digestOf(bytes, algorithm), size: bytes.length };
  const reservation = await space.reserve(bytes.length);
  if (reservation === null) throw new Error('no space');
  parts += 1;
  const part = await filePart(disk, `${layout.parts}/kept-${parts}`, bytes);
  try {
    await blobs.commit({ part, scope, listed, sha256: digestOf(bytes), reservation });
  } finally {
    part.release();
  }
}

/** Bytes that are counted and names that the index has, against those that are there. */
function state({ files, index, space }: Held) {
  const named = [...files.below(layout.blobs)].map(([path]) => path.split('/').slice(3).join('/'));
  const indexed = [...index.blobs()].map(({ scope, digest, size }) => {
    const [path] = [...files.below(dirname(layout.blob(scope, { digest, size })))]
      .map(([each]) => each)
      .filter((each) => each.includes(digest.slice(digest.indexOf(':') + 1)));
    return path?.split('/').slice(3).join('/') ?? `${scope} ${digest}`;
  });
  return {
    counted: { bytes: space.used, reserved: space.reserved, names: indexed.toSorted() },
    there: { bytes: files.bytesBelow(layout.blobs), reserved: 0, names: named.toSorted() },
  };
}

test(
  'whatever names of one file come, are replaced and go at the same instant, its room is counted once',
  { timeout: 120_000 },
  async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = new Seeded(seed);
      const store = held(random.fork());
      const contents = [random.bytes(700), random.bytes(400)] as const;
      const one = (): Promise<unknown> => {
        const bytes = random.one(contents);
        const [scope, algorithm] = [random.one(scopes), random.one(algorithms)];
        const listed = { digest: digestOf(bytes, algorithm), size: bytes.length };
        if (random.chance(0.5)) return commit(store, scope, bytes, algorithm);
        return random.chance(0.7) ? store.blobs.remove(scope, listed) : store.blobs.distrust(scope, listed);
      };
      for (let round = 1; round <= 12; round += 1) {
        await Promise.all(Array.from({ length: random.whole(1, 6) }, one));
        const { counted, there } = state(store);
        expect({ seed, round, ...counted }).toEqual({ seed, round, ...there });
      }
    }
  },
);
