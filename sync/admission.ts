import type { Digest } from '../base/digest.ts';
import { WaystationError } from '../base/errors.ts';
import type { Denied } from '../mirror/packages.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import type { PlanRoom } from '../base/plan.ts';
import type { Stored } from './plan/stored.ts';

/** Room that was promised to the packages of one repository. */
export interface Admitted {
  /** So many of the bytes are stored by now. */
  fetched(bytes: number): void;
  end(): void;
}

/**
 * Lets the packages of a repository be fetched only when all of them find room, together with those of the repositories
 * that are being fetched. One decision after the other: two that fit alone shall not both begin when they do not fit together.
 */
export class Admission {
  readonly #stored: Pick<Stored, 'need' | 'room'>;
  readonly #denied: Denied;
  /** Bytes that were promised and are not stored yet. */
  #promised = 0;
  #work: Promise<unknown> = Promise.resolve();

  /** @param denied what is not fetched, and so needs no room. */
  constructor(stored: Pick<Stored, 'need' | 'room'>, denied: Denied) {
    this.#stored = stored;
    this.#denied = denied;
  }

  /** @throws WaystationError `does_not_fit` with the numbers. */
  admit(path: string, document: RepositoryDocument & { readonly map: Digest }): Promise<Admitted> {
    const decided = this.#work.then(() => this.#decide(path, document));
    this.#work = decided.catch(() => {});
    return decided;
  }

  async #decide(path: string, document: RepositoryDocument & { readonly map: Digest }): Promise<Admitted> {
    const need = await this.#stored.need(path, document, this.#denied);
    const room = await this.#stored.room(need.bytes + this.#promised, 0);
    // What can never fit is refused also while it is not known yet what may be evicted.
    if (need.bytes > 0 && (room.fits === false || (room.max > 0 && need.listed > room.max)))
      throw new WaystationError('does_not_fit', refusal(need, this.#promised, room));
    let left = need.bytes;
    this.#promised += left;
    const stored = (bytes: number): void => {
      const less = Math.min(left, bytes);
      left -= less;
      this.#promised -= less;
    };
    return { fetched: stored, end: () => stored(left) };
  }
}

function refusal(need: { readonly files: number; readonly bytes: number }, promised: number, room: PlanRoom): string {
  const others = promised === 0 ? '' : `, ${sizeText(promised)} more are being fetched for other repositories`;
  return (
    `the policy needs ${need.files} packages of ${sizeText(need.bytes)} that find no room${others}: ` +
    `cache.max ${sizeText(room.max)}, of which ${sizeText(room.used)} are used and ${sizeText(room.evictable)} may be evicted; ` +
    `${sizeText(room.free)} free on disk, of which ${sizeText(room.keepFree)} stay free`
  );
}

/** As `11.7 GiB`: the message is for people, and has to be compared with a configuration that is written so. */
function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, bytes < 1024 ? 0 : Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${units[power]}`;
}
