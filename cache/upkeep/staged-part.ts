import { basename } from 'node:path';
import type { Algorithm, Digest, Listed } from '../../base/digest.ts';
import { systemCode, WaystationError } from '../../base/errors.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { PartFile } from '../blobs/naming.ts';
import { roomOfPart } from '../disk/layout.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk, WritableFile } from '../../disk/disk.ts';
import type { Reservation } from '../space/reservation.ts';
import type { Space } from '../space/space.ts';

export type Digests = ReadonlyMap<Algorithm, Digest>;

/** Where parts become held files. */
export interface StagedPartStore {
  readonly disk: Disk;
  readonly blobs: BlobStore;
  readonly space: Space;
}

/** A part on its way to be a held file, or to nothing. */
export class StagedPart {
  readonly path: string;
  readonly reservation: Reservation;
  readonly #store: StagedPartStore;
  file: WritableFile | null = null;

  constructor(store: StagedPartStore, path: string, reservation: Reservation) {
    this.#store = store;
    this.path = path;
    this.reservation = reservation;
  }

  /** Does a step; when that fails nothing of the part stays. */
  async over<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      await this.drop();
      if (systemCode(error) === null) throw error;
      const failure = error instanceof WaystationError ? error : diskError(error, this.path);
      if (failure.source === 'disk') this.#store.space.failed(failure);
      throw failure;
    }
  }

  /** Names the bytes, durably, and ends it. @param sealing how the file is marked as proven, and synced. */
  async commit(scope: string, listed: Listed, digests: Digests, sealing: Omit<PartFile, 'path'>): Promise<void> {
    const sha256 = digests.get('sha256');
    if (sha256 === undefined) throw new Error('every file is hashed by sha256');
    const { path, reservation } = this;
    const part: PartFile = { path, stamp: () => sealing.stamp(), sync: () => sealing.sync() };
    await this.over(() => this.#store.blobs.commit({ part, scope, listed, sha256, reservation }));
    await this.#close();
  }

  async drop(): Promise<void> {
    const { disk } = this.#store;
    await this.#close();
    await disk.unlink(this.path).catch(() => {});
    // What would not go takes room until the next start removes it.
    const left = await disk.facts(this.path).catch(() => null);
    this.reservation.commit(left === null ? 0 : roomOfPart(basename(this.path), left));
  }

  async #close(): Promise<void> {
    await this.file?.close().catch(() => {});
    this.file = null;
  }
}
