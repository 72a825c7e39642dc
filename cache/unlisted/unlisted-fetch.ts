import type { Clock } from '../../base/clock.ts';
import { digestOf, hasher, hexOf } from '../../base/digest.ts';
import type { Digest, Listed } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Representation, Transfer } from '../../base/transfer.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Claims } from '../blobs/claims.ts';
import type { Disk } from '../../disk/disk.ts';
import { Comparison, unproven } from './expectation.ts';
import { Growing } from '../fills/growing.ts';
import { passingPart } from '../disk/layout.ts';
import type { Layout } from '../disk/layout.ts';
import { discardPart } from '../fills/fill-place.ts';
import { FilePart } from '../fills/part.ts';
import type { Reservation } from '../space/reservation.ts';
import type { Reserving, Space } from '../space/space.ts';
import type { Pointers } from './pointers.ts';

/** Asked for when a file of unknown length grows past what was reserved. */
const reservationStep = 16 * 1024 * 1024;

/** Why a fetch ended although the disk itself is well. */
const budgetUsedUp = 'the budget is used up';

/** Which unlisted file, and in whose possession it will be. */
export interface UnlistedName {
  readonly repository: string;
  readonly file: string;
  readonly scope: string;
  /** What the bytes are compared with; absent or null: nothing is known of them. */
  readonly expected?: Digest | null;
}

/** One fetch under way, for all who want the same file. */
export interface UnlistedFetch {
  readonly representation: Representation;
  readonly growing: Growing;
  /** Settles when it ended: whether the file is kept. Never rejects. */
  readonly stored: Promise<boolean>;
  /** Lets the part go, once nobody can begin to follow it any more. Called once, after the end. */
  release(): void;
}

interface Running {
  readonly name: UnlistedName;
  readonly transfer: Transfer;
  readonly part: FilePart;
  readonly growing: Growing;
  readonly reservation: Reservation;
}

export interface UnlistedFetchesOptions {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly blobs: BlobStore;
  readonly claims: Claims;
  readonly pointers: Pointers;
  readonly space: Space;
  readonly room: Reserving;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Stores unlisted files while they are followed: as a blob by the sha256 that they turn out to have, and a pointer. */
export class UnlistedFetches {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #blobs: BlobStore;
  readonly #claims: Claims;
  readonly #pointers: Pointers;
  readonly #space: Space;
  readonly #room: Reserving;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(options: UnlistedFetchesOptions) {
    this.#disk = options.disk;
    this.#layout = options.layout;
    this.#blobs = options.blobs;
    this.#claims = options.claims;
    this.#pointers = options.pointers;
    this.#space = options.space;
    this.#room = options.room;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** @returns null when it cannot be stored now; the transfer is untouched then. */
  async begin(name: UnlistedName, transfer: Transfer): Promise<UnlistedFetch | null> {
    const reservation = await this.#room.reserve(transfer.total ?? reservationStep);
    if (reservation === null) return null;
    const key = hexOf(digestOf(`${name.repository}\n${name.file}`));
    const path = passingPart(this.#layout, `unlisted-${key}`);
    let part: FilePart;
    let progress = (): void => {};
    try {
      part = await FilePart.open(this.#disk, path, 0, () => progress());
    } catch (error) {
      reservation.release();
      this.#space.failed(error);
      return null;
    }
    const growing = new Growing({ size: transfer.total, part, onIdle: () => {} });
    progress = () => {
      reservation.wrote(part.written);
      if (name.expected) growing.release(unproven(part.written, transfer.total));
      // Nothing proves these bytes; with a known length the last one waits for the clean end.
      else growing.release(transfer.total === null ? part.written : Math.min(part.written, transfer.total - 1));
    };
    const stored = this.#run({ name, transfer, part, growing, reservation });
    return { representation: transfer, growing, stored, release: () => part.release() };
  }

  async #run({ name, transfer, part, growing, reservation }: Running): Promise<boolean> {
    try {
      const { digest, size } = await this.#receive(name, { transfer, part, reservation });
      growing.verify(size);
      const listed = { digest, size };
      // Nothing refers to the blob until its pointer is there.
      await this.#claims.during(name.scope, digest, async () => {
        await this.#blobs.commit({ part, scope: name.scope, listed, sha256: digest, reservation });
        await this.#keep(name, transfer, listed);
      });
      return true;
    } catch (error) {
      const failure = asWaystationError(error);
      await part.flush().catch(() => {});
      growing.fail(failure);
      await discardPart(this.#disk, part.path, reservation);
      if (failure.source === 'disk' && failure.cause !== budgetUsedUp) this.#space.failed(failure);
      this.#log.info(
        { source: transfer.source, code: failure.code, reason: failure.message },
        'an unlisted file was not kept',
      );
      return false;
    }
  }

  async #receive(
    { expected }: UnlistedName,
    { transfer, part, reservation }: Pick<Running, 'transfer' | 'part' | 'reservation'>,
  ): Promise<{ digest: Digest; size: number }> {
    const sha256 = hasher('sha256');
    const comparison = expected ? new Comparison(expected) : null;
    let size = 0;
    let reserved = transfer.total ?? reservationStep;
    await transfer.consume((chunk) => {
      size += chunk.length;
      if (transfer.total !== null && size > transfer.total)
        throw new WaystationError('upstream_lied', `${transfer.source} sent more than it said`);
      if (size > reserved) {
        if (!reservation.grow(reservationStep))
          throw new WaystationError('disk_full', `no space for ${transfer.source}`, { cause: budgetUsedUp });
        reserved += reservationStep;
      }
      sha256.update(chunk);
      comparison?.update(chunk);
      return part.append(chunk);
    });
    await part.flush();
    if (transfer.total !== null && size !== transfer.total)
      throw new WaystationError('upstream_cut', `${transfer.source} sent less than it said`);
    comparison?.require(transfer.source);
    return { digest: sha256.digest(), size };
  }

  async #keep(name: UnlistedName, representation: Representation, listed: Listed): Promise<void> {
    const { repository, file, scope, expected } = name;
    const { contentType, etag, lastModified } = representation;
    const fetched = new Date(this.#clock.now()).toISOString();
    const proven = expected ?? null;
    const said = { contentType, etag, lastModified, proven, fetched };
    await this.#pointers.write({ format: 1, repository, file, scope, ...listed, ...said });
  }
}
