import type { Clock } from '../../base/clock.ts';
import type { Reservation } from './reservation.ts';
import type { Reserving, Space } from './space.ts';

/** Milliseconds that a reservation waits for others' files to go: after that the file is served without being stored. */
const patience = 2_000;
/** Room that was made may have been taken by another by then. */
const tries = 3;

/** Gives room, and has some made when there is none. */
export class Room implements Reserving {
  readonly #space: Space;
  readonly #clock: Clock;
  readonly #makeRoom: (bytes: number) => Promise<void>;

  constructor(options: { space: Space; clock: Clock; makeRoom: (bytes: number) => Promise<void> }) {
    this.#space = options.space;
    this.#clock = options.clock;
    this.#makeRoom = options.makeRoom;
  }

  /** Mostly there is room, and nothing to wait for. */
  reserve(bytes: number, present = 0): Reservation | null | Promise<Reservation | null> {
    const reserved = this.#space.reserve(bytes, present);
    return reserved instanceof Promise || reserved === null ? this.#reserve(reserved, bytes, present) : reserved;
  }

  async #reserve(
    first: null | Promise<Reservation | null>,
    bytes: number,
    present: number,
  ): Promise<Reservation | null> {
    const began = this.#clock.monotonic();
    for (let attempt = 0; ; attempt += 1) {
      const reservation = await (attempt === 0 ? first : this.#space.reserve(bytes, present));
      const left = began + patience - this.#clock.monotonic();
      if (reservation !== null || attempt === tries || left <= 0 || !this.#space.writable) return reservation;
      const room = this.#space.whenCounted.then(() => this.#makeRoom(bytes - present));
      await this.#atMost(room, left);
    }
  }

  async #atMost(work: Promise<void>, milliseconds: number): Promise<void> {
    const stop = new AbortController();
    try {
      await Promise.race([work, this.#clock.sleep(milliseconds, stop.signal).catch(() => {})]);
    } finally {
      stop.abort();
    }
  }
}
