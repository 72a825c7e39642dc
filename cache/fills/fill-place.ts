import { algorithmOf, hexOf } from '../../base/digest.ts';
import type { Digest, Listed } from '../../base/digest.ts';
import { invariant, WaystationError } from '../../base/errors.ts';
import type { PlainEnd, PlainRequest } from '../../base/plain-get.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Commit, PartFile } from '../blobs/naming.ts';
import { diskError } from '../../disk/disk.ts';
import type { Disk, ReadableFile } from '../../disk/disk.ts';
import { verifyFirstLimit } from './fill.ts';
import type { PartMaker } from './fill.ts';
import type { Layout } from '../disk/layout.ts';
import { FilePart, MemoryPart } from './part.ts';
import type { Moved, Part } from './part.ts';
import type { Reservation } from '../space/reservation.ts';
import type { Reserving, Space } from '../space/space.ts';

/** What a place is made from. */
export interface PlaceStore {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly blobs: BlobStore;
  readonly space: Space;
  readonly room: Reserving;
  /**
   * Paths of parts whose sync failed. The system may take their bytes for written although they are not, and no later
   * sync says so: one that cannot be removed is no beginning of another try.
   */
  readonly unsure: Set<string>;
}

export interface PlacedFile {
  readonly scope: string;
  readonly listed: Listed;
  /** Looks for bytes that an earlier run left also when the file is small. */
  readonly adopt: boolean;
}

/** For whom a file is kept. */
export interface KeptBy {
  /** A client asked for it. */
  readonly asked: boolean;
  /** Its bytes are in a file. */
  received(): void;
}

/**
 * Where the bytes of one fill go: space reserved before, a part on disk (or memory, for a small file) while they arrive,
 * a held file once they are proven. Ended exactly once: by the commit of what it gives `toKeep`, or by `leave`.
 */
export class FillPlace implements PartMaker, PartFile, Moved {
  readonly path: string;
  readonly #store: PlaceStore;
  readonly #file: PlacedFile;
  readonly #small: boolean;
  readonly #reservation: Reservation | null;
  /** Bytes that an earlier fill left and this one goes on with. */
  readonly #present: number;
  /** The path of the part is, or may be, this place's own file. */
  #ours: boolean;
  /** What is being kept, … */
  #kept: Part | null = null;
  /** … and for whom. */
  #by: KeptBy | null = null;

  private constructor(
    store: PlaceStore,
    file: PlacedFile,
    reserved: { small: boolean; present: number; reservation: Reservation | null },
  ) {
    this.#store = store;
    this.#file = file;
    this.path = store.layout.part(file.scope, file.listed);
    this.#small = reserved.small;
    this.#present = reserved.present;
    this.#reservation = reserved.reservation;
    this.#ours = !reserved.small;
  }

  static reserve(store: PlaceStore, file: PlacedFile): FillPlace | Promise<FillPlace> {
    // Begun anew, in memory: small files arrive faster than their start is looked at.
    if (file.listed.size > verifyFirstLimit || file.adopt) return FillPlace.#reserveOnDisk(store, file);
    const small = (reservation: Reservation | null): FillPlace =>
      new FillPlace(store, file, { small: true, present: 0, reservation });
    const reserved = store.room.reserve(file.listed.size);
    return reserved instanceof Promise ? reserved.then(small) : small(reserved);
  }

  static async #reserveOnDisk(store: PlaceStore, file: PlacedFile): Promise<FillPlace> {
    const { disk, layout, space, room } = store;
    const { scope, listed } = file;
    const path = layout.part(scope, listed);
    const found = await sizeOf(disk, path);
    // Too many bytes are no start.
    const goesOn = found <= listed.size && !store.unsure.has(path);
    let counted = found;
    if (found > 0 && !goesOn) {
      await disk.unlink(path).catch(() => {});
      // What would not go is written over, and counts until then.
      counted = await sizeOf(disk, path);
      space.adjust(counted - found);
    }
    const reservation = await room.reserve(listed.size, counted);
    return new FillPlace(store, file, { small: false, present: goesOn ? found : 0, reservation });
  }

  /** Whether the file will be kept. */
  get stores(): boolean {
    return this.#reservation !== null;
  }

  /** Whether a fill can go on here at all: a small file that is not kept is shared in memory. */
  get usable(): boolean {
    return this.stores || this.#small;
  }

  /** The part that bytes go to, to be released by the caller; another one for each attempt. @throws WaystationError the disk's. */
  part(attempt: number, onWritten: () => void): Part | Promise<Part> {
    return this.#small ? new MemoryPart(this.#file.listed.size, onWritten) : this.#filePart(attempt, onWritten);
  }

  async #filePart(attempt: number, onWritten: () => void): Promise<Part> {
    const part = await FilePart.open(this.#store.disk, this.path, attempt === 0 ? this.#present : 0, () => {
      this.#reservation?.wrote(part.written);
      onWritten();
    });
    this.#reservation?.wrote(part.written);
    if (part.written === 0) this.#store.unsure.delete(this.path);
    return part;
  }

  /**
   * Has the disk fetch a small file by itself.
   * @param fetched called once, with what may be kept; null: the bytes did not come.
   * @returns false, and nothing is done, when it cannot be had so.
   */
  fetch(request: PlainRequest, fetched: (part: Part | null) => void): boolean {
    const { disk } = this.#store;
    const { digest, size } = this.#file.listed;
    // What is empty is proven without asking anybody.
    if (!this.#small || size === 0 || this.#reservation === null || algorithmOf(digest) !== 'sha256') return false;
    const ended = (end: PlainEnd): void => {
      request.ended(end);
      // Perhaps it was put, and nobody counts it: what is done then begins without it.
      this.#ours = end.failure === 'lost';
      const gone = this.#ours ? disk.unlink(this.path).catch(() => {}) : null;
      if (gone === null) fetched(this.#fetched(end));
      else void gone.then(() => fetched(null));
    };
    return disk.fetchPart?.({ path: this.path, request, size, sha256: hexOf(digest), fetched: ended }) ?? false;
  }

  #fetched({ failure, proven }: PlainEnd): Part | null {
    const { size } = this.#file.listed;
    if (proven !== null) return MemoryPart.whole(size, proven);
    if (failure !== null) return null;
    this.#ours = true;
    return MemoryPart.whole(size, this);
  }

  /**
   * What a store makes a held file of, durably, once the bytes are proven.
   * @param by told when the bytes are in a file. @throws WaystationError when there is no room for it.
   */
  toKeep(part: Part, sha256: Digest, by: KeptBy): Commit {
    const { scope, listed } = this.#file;
    if (this.#reservation === null) throw new WaystationError('disk_full', `no space to store ${listed.digest}`);
    this.#kept = part;
    this.#by = by;
    if (part instanceof FilePart || isElsewhere(part)) by.received();
    return { part: this, scope, listed, sha256, reservation: this.#reservation, wanted: by.asked };
  }

  stamp(): Promise<void> | null {
    const part = this.#kept;
    if (part !== null && isElsewhere(part)) return null;
    return part instanceof FilePart ? part.stamp() : this.#put();
  }

  async sync(): Promise<void> {
    const part = this.#kept;
    try {
      await (part instanceof FilePart ? part.sync() : this.#store.disk.syncFile(this.path));
    } catch (error) {
      this.#store.unsure.add(this.path);
      throw diskError(error, this.path);
    }
  }

  /** The file that a small part became, by the name that it has now. */
  async reopen(): Promise<ReadableFile | null> {
    const { disk, layout } = this.#store;
    return (await disk.openRead(this.path)) ?? disk.openRead(layout.blob(this.#file.scope, this.#file.listed));
  }

  /**
   * Nothing is kept, but what arrived in a part on disk stays for a later try and takes room until then.
   * @returns the bytes that stay.
   */
  async leave(): Promise<number> {
    const counts = this.#reservation !== null && this.#ours;
    if (this.#store.unsure.has(this.path)) await this.#removeUnsure(counts);
    const left = counts ? await this.#leftOnDisk() : 0;
    this.#reservation?.commit(left);
    return left;
  }

  /** @param isOwn this place's reservation counts it; otherwise it is another's, who could not remove it, and is counted as used. */
  async #removeUnsure(isOwn: boolean): Promise<void> {
    const { disk, space } = this.#store;
    const before = isOwn ? 0 : await sizeOf(disk, this.path);
    await disk.unlink(this.path).catch(() => {});
    if (!isOwn) space.adjust((await sizeOf(disk, this.path)) - before);
  }

  async #leftOnDisk(): Promise<number> {
    const { disk } = this.#store;
    if (this.#small) await disk.unlink(this.path).catch(() => {});
    // Asked of the disk: a failed write may have put down more than was seen to be written.
    const left = await sizeOf(disk, this.path);
    // An empty part is the beginning of nothing.
    if (left === 0) await disk.unlink(this.path).catch(() => {});
    return left;
  }

  /** Puts a small file down. What an earlier try left there was counted, and goes. @throws WaystationError the disk's. */
  async #put(): Promise<void> {
    const part = this.#kept;
    invariant(part instanceof MemoryPart, 'a part is in memory or on disk');
    const { disk, space } = this.#store;
    let put = await disk.putPart(this.path, part.bytes);
    if (!put.made && put.error === null) {
      // From here on what is there is this place's own.
      if (!this.#ours) space.adjust(-(await sizeOf(disk, this.path)));
      this.#ours = true;
      // One that does not go at once may go when it is asked again.
      await disk.unlink(this.path).catch(() => disk.unlink(this.path).catch(() => {}));
      put = await disk.putPart(this.path, part.bytes);
    }
    if (put.made) this.#ours = true;
    if (!put.made || put.error !== null) throw diskError(put.error ?? new Error('it came back'), this.path);
    part.moved(this);
    this.#by?.received();
  }
}

/** Whether a part is in a file, stamped, already. */
function isElsewhere(part: Part): boolean {
  return part instanceof MemoryPart && part.isElsewhere;
}

/** Removes a part that becomes nothing, and ends its reservation: what cannot be removed goes on taking its room. */
export async function discardPart(disk: Disk, path: string, reservation: Reservation): Promise<void> {
  await disk.unlink(path).catch(() => {});
  reservation.commit(await sizeOf(disk, path));
}

/** Writes a whole file to a part, to be released by the caller. @throws WaystationError the disk's. */
export async function filePart(disk: Disk, path: string, bytes: Buffer): Promise<FilePart> {
  return filled(await FilePart.open(disk, path, 0, () => {}), bytes);
}

async function filled(file: FilePart, bytes: Buffer): Promise<FilePart> {
  try {
    void file.append(bytes);
    await file.flush();
    return file;
  } catch (error) {
    file.release();
    throw error;
  }
}

async function sizeOf(disk: Disk, path: string): Promise<number> {
  return (await disk.facts(path).catch(() => null))?.size ?? 0;
}
