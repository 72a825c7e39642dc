import { join } from 'node:path';
import { stat } from 'node:fs/promises';
import { algorithmOf, digestFrom, hasher } from '../base/digest.ts';
import type { Listed } from '../base/digest.ts';
import type { Logger } from '../base/log.ts';
import type { BlobIndex } from './blob-index.ts';
import type { BlobStore } from './blob-store.ts';
import type { Disk } from './disk.ts';
import { parsePartName } from './layout.ts';
import type { Layout } from './layout.ts';
import { FilePart } from './part.ts';
import type { Space } from './space.ts';

/** A part that nobody went on with for this long is removed. */
const partLifetime = 24 * 3_600_000;

interface Recovery {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly index: BlobIndex;
  readonly space: Space;
  readonly blobs: BlobStore;
  readonly log: Logger;
}

/**
 * What a start does beside serving: counts the blobs from their names, adopts parts that turn out complete, keeps those
 * that a fill can go on with, and removes the rest. Nothing waits for it.
 */
export async function recover(recovery: Recovery): Promise<void> {
  await countBlobs(recovery);
  for (const name of await recovery.disk.list(recovery.layout.parts)) {
    await recoverPart(recovery, name).catch((error: unknown) =>
      recovery.log.warn({ part: name, error: String(error) }, 'a part cannot be recovered'),
    );
  }
}

/** Hard links count once: a file listed by another algorithm has its sha256 name beside, and takes room once. */
async function countBlobs({ disk, layout, index, space, log }: Recovery): Promise<void> {
  for (const scope of await disk.list(layout.blobs)) {
    const algorithms = await disk.list(join(layout.blobs, scope));
    const linked = algorithms.some((algorithm) => algorithm !== 'sha256');
    for (const algorithm of algorithms) {
      for (const folder of await disk.list(join(layout.blobs, scope, algorithm))) {
        for (const name of await disk.list(join(layout.blobs, scope, algorithm, folder))) {
          const listed = parseBlobName(algorithm, name);
          if (listed === null) {
            log.warn({ name }, 'a file among the blobs has no blob name');
            continue;
          }
          const path = join(layout.blobs, scope, algorithm, folder, name);
          const twin = linked && algorithm === 'sha256' && (await stat(path).catch(() => null))?.nlink !== 1;
          if (index.add(scope, listed.digest) && !twin) space.adjust(listed.size);
        }
      }
    }
  }
}

function parseBlobName(algorithm: string, name: string): Listed | null {
  const [hex = '', size = ''] = name.split('.');
  const digest = digestFrom(algorithm, hex);
  return digest === null || !/^\d{1,15}$/.test(size) ? null : { digest, size: Number(size) };
}

async function recoverPart({ disk, layout, space, blobs, log }: Recovery, name: string): Promise<void> {
  const path = join(layout.parts, name);
  const named = parsePartName(name);
  const found = await stat(path);
  if (named === null || found.size > named.listed.size || Date.now() - found.mtimeMs > partLifetime) {
    await disk.unlink(path);
    return;
  }
  space.adjust(found.size);
  if (found.size < named.listed.size) return;
  const { scope, listed } = named;
  const digests = await digestsOf(disk, path, listed);
  space.adjust(-found.size);
  const reservation = digests.listed === listed.digest ? await space.reserve(listed.size) : null;
  if (reservation === null) {
    await disk.unlink(path);
    return;
  }
  await blobs.commit(path, scope, listed, digests.sha256, reservation);
  log.info({ digest: listed.digest, bytes: listed.size }, 'a complete part of an earlier run was adopted');
}

async function digestsOf(
  disk: Disk,
  path: string,
  listed: Listed,
): Promise<{ listed: Listed['digest']; sha256: Listed['digest'] }> {
  const named = hasher(algorithmOf(listed.digest));
  const sha256 = hasher('sha256');
  const part = await FilePart.open(disk, path, listed.size, () => {});
  try {
    const buffer = Buffer.allocUnsafe(512 * 1024);
    for (let position = 0; position < listed.size;) {
      const count = await part.read(buffer, position, buffer.length);
      if (count === 0) break;
      named.update(buffer.subarray(0, count));
      sha256.update(buffer.subarray(0, count));
      position += count;
    }
    await part.sync();
  } finally {
    part.release();
  }
  return { listed: named.digest(), sha256: sha256.digest() };
}
