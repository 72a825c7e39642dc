import { randomBytes } from 'node:crypto';
import { readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ByteSource } from '../../base/body.ts';
import { digestOf } from '../../base/digest.ts';
import type { Algorithm, Listed } from '../../base/digest.ts';
import { silentLogger } from '../../base/log.ts';
import type { Logger } from '../../base/log.ts';
import type { Counter, Meter } from '../../base/metrics.ts';
import { silentMeter } from '../../base/metrics.ts';
import { BlobIndex } from '../../cache/blobs/blob-index.ts';
import { BlobStore } from '../../cache/blobs/blob-store.ts';
import { Claims } from '../../cache/blobs/claims.ts';
import { Marks } from '../../cache/blobs/marks.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { Fills } from '../../cache/fills/fills.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { Space } from '../../cache/space/space.ts';
import type { Reservation } from '../../cache/space/reservation.ts';
import type { SpaceLimits } from '../../cache/space/space.ts';
import { filePart } from '../../cache/fills/fill-place.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

export const mebibyte = 1024 * 1024;

/** More than any test writes. */
export const roomy: SpaceLimits = { max: () => 2 ** 40, keepFree: () => 0 };

export interface Pieces extends AsyncDisposable {
  readonly root: string;
  readonly clock: StandingClock;
  readonly layout: Layout;
  readonly disk: Disk;
  readonly index: BlobIndex;
  readonly space: Space;
  readonly blobs: BlobStore;
  readonly marks: Marks;
  readonly claims: Claims;
  readonly fills: Fills;
  readonly results: Map<string, number>;
}

/**
 * The parts of the store that fills need, put together over a real folder: a temporary one unless `root` is given.
 * Disposed of when no fill is under way any more.
 */
export async function pieces(
  options: { root?: string; disk?: Disk; limits?: SpaceLimits; clock?: StandingClock; log?: Logger } = {},
): Promise<Pieces> {
  const { disk = systemDisk, limits = roomy, clock = new StandingClock(), log = silentLogger } = options;
  const folder = options.root === undefined ? await temporaryDirectory() : null;
  const root = options.root ?? folder?.path ?? '';
  const layout = new Layout(root);
  for (const needed of [layout.blobs, layout.maps, layout.generations, layout.unlisted, layout.parts])
    await systemDisk.makeFolder(needed);
  const index = new BlobIndex();
  const space = new Space({ disk, root, limits, clock });
  const blobs = new BlobStore({ disk, layout, index, space, clock, log });
  const marks = new Marks(index);
  const claims = new Claims(marks);
  const results = new Map<string, number>();
  const fills = new Fills({
    disk,
    layout,
    blobs,
    space,
    room: space,
    clock,
    log,
    meter: countingMeter(results),
  });
  const end = async (): Promise<void> => {
    await idle({ fills, clock });
    blobs.close();
    await everythingClosed(root);
    await folder?.[Symbol.asyncDispose]();
  };
  return { root, clock, layout, disk, index, space, blobs, marks, claims, fills, results, [Symbol.asyncDispose]: end };
}

/** Counts fills by their result. */
function countingMeter(results: Map<string, number>): Meter {
  const counter = (name: string): Counter => ({
    inc: ({ result = name }) => void results.set(result, (results.get(result) ?? 0) + 1),
  });
  return { ...silentMeter, counter };
}

export function file(
  size: number,
  algorithm: Algorithm = 'sha256',
): { readonly bytes: Buffer; readonly listed: Listed } {
  const bytes = randomBytes(size);
  return { bytes, listed: { digest: digestOf(bytes, algorithm), size } };
}

/** Makes a held file of bytes, as a fill does. */
export async function commit(
  { blobs, layout, disk }: Pick<Pieces, 'blobs' | 'layout' | 'disk'>,
  { bytes, listed }: { bytes: Buffer; listed: Listed },
  reservation: Reservation,
  { wanted = true, scope = 'open' }: { wanted?: boolean; scope?: string } = {},
): Promise<void> {
  const part = await filePart(disk, layout.part(scope, listed), bytes);
  try {
    await blobs.commit({ part, scope, listed, sha256: digestOf(bytes), reservation, wanted });
  } finally {
    part.release();
  }
}

/** The same bytes but for one. */
export function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

/** What a client got, and why it got no more. */
export interface Got {
  readonly bytes: Buffer;
  readonly error: Error | null;
}

/** Reads like a client: in order, to the end or the failure; then leaves. */
export async function readAll(source: ByteSource, options: { start?: number; chunk?: number } = {}): Promise<Got> {
  const { start = 0, chunk = 100_000 } = options;
  const chunks: Buffer[] = [];
  let position = start;
  try {
    while (source.size === null || position < source.size) {
      const buffer = Buffer.alloc(chunk);
      const count = await source.read(buffer, position, chunk);
      if (count === 0) break;
      chunks.push(buffer.subarray(0, count));
      position += count;
    }
    return { bytes: Buffer.concat(chunks), error: null };
  } catch (error) {
    return { bytes: Buffer.concat(chunks), error: error as Error };
  } finally {
    source.release();
  }
}

/** Reads exactly from `start` to `end` without leaving. */
export async function readPart(source: ByteSource, start: number, end: number): Promise<Buffer> {
  const buffer = Buffer.alloc(end - start);
  let done = 0;
  while (done < buffer.length) {
    const count = await source.read(buffer.subarray(done), start + done, buffer.length - done);
    if (count === 0) break;
    done += count;
  }
  return buffer.subarray(0, done);
}

/** Bytes of all files below a folder; a file with two names counts once. */
export async function bytesBelow(...folders: readonly string[]): Promise<number> {
  const sizes = new Map<number, number>();
  for (const folder of folders) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const { ino, size } = await stat(join(entry.parentPath, entry.name));
      sizes.set(ino, size);
    }
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

/** Resolves once no fill is under way: lets lingering ones end. */
export async function idle({ fills, clock }: Pick<Pieces, 'fills' | 'clock'>): Promise<void> {
  while (fills.active > 0) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(2);
  }
}

/** @throws when a descriptor of a file below `root` stays open: nobody released it. */
export async function everythingClosed(root: string): Promise<void> {
  let left: string[] = [];
  for (let turn = 0; turn < 200; turn += 1) {
    left = (await openFiles()).filter((path) => path.startsWith(root));
    if (left.length === 0) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`left open: ${left.join(', ')}`);
}

async function openFiles(): Promise<string[]> {
  const descriptors = await readdir('/proc/self/fd');
  return Promise.all(descriptors.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
}
