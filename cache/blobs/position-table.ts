/** Share of the slots that may be taken before a part grows … */
const fullest = 0.85;
/** … by this factor: 4.7 to 5.9 bytes an entry, where doubling would mean up to 9.4. */
const growth = 1.25;
/** Parts, a power of two: each grows by itself, so that no insertion moves more than a few thousand others. */
const parts = 256;
const smallest = 16;
/** Bits of the hash that are left once the part is chosen. */
const range = 2 ** 24;

/** Reads the hash of the entry at a position: 32 bits, uniform in whatever order entries come. */
export type HashAt = (position: number) => number;

/** Finds positions (32 bits, never 0) by a word of a digest: open addressing, without any copy of a key. */
export class PositionTable {
  #parts: readonly Slots[];
  readonly #hashAt: HashAt;

  constructor(hashAt: HashAt) {
    this.#hashAt = hashAt;
    this.#parts = this.#empty(0);
  }

  /** The first position under this hash that `is` accepts; 0: none. */
  find(hash: number, is: (position: number) => boolean): number {
    return this.#part(hash).find(hash, is);
  }

  insert(hash: number, position: number): void {
    this.#part(hash).insert(hash, position);
  }

  /** The entry has moved. */
  replace(hash: number, from: number, to: number): void {
    this.#part(hash).replace(hash, from, to);
  }

  remove(hash: number, position: number): void {
    this.#part(hash).remove(hash, position);
  }

  /** Forgets everything and has room for so many. */
  clear(entries: number): void {
    this.#parts = this.#empty(entries);
  }

  #empty(entries: number): readonly Slots[] {
    const slots = Math.max(smallest, Math.ceil(entries / parts / fullest) + 1);
    return Array.from({ length: parts }, () => new Slots(this.#hashAt, slots));
  }

  #part(hash: number): Slots {
    return this.#parts[hash >>> 24] as Slots;
  }
}

/** One part of the table: the positions whose hashes begin with the same 8 bits. */
class Slots {
  #slots: Uint32Array;
  #count = 0;
  readonly #hashAt: HashAt;

  constructor(hashAt: HashAt, slots: number) {
    this.#hashAt = hashAt;
    this.#slots = new Uint32Array(slots);
  }

  find(hash: number, is: (position: number) => boolean): number {
    for (let slot = this.#home(hash); ; slot = this.#after(slot)) {
      const position = this.#slots[slot] ?? 0;
      if (position === 0 || is(position)) return position;
    }
  }

  insert(hash: number, position: number): void {
    if (this.#count + 1 > this.#slots.length * fullest) this.#grow();
    this.#put(hash, position);
    this.#count += 1;
  }

  replace(hash: number, from: number, to: number): void {
    this.#slots[this.#slotOf(hash, from)] = to;
  }

  remove(hash: number, position: number): void {
    let hole = this.#slotOf(hash, position);
    // What follows moves up where it may, so that no search ever ends too early.
    for (let slot = this.#after(hole); this.#slots[slot] !== 0; slot = this.#after(slot)) {
      const other = this.#slots[slot] ?? 0;
      const home = this.#home(this.#hashAt(other));
      const reachable = hole <= slot ? home <= hole || home > slot : home <= hole && home > slot;
      if (!reachable) continue;
      this.#slots[hole] = other;
      hole = slot;
    }
    this.#slots[hole] = 0;
    this.#count -= 1;
  }

  #slotOf(hash: number, position: number): number {
    let slot = this.#home(hash);
    while (this.#slots[slot] !== position) slot = this.#after(slot);
    return slot;
  }

  #home(hash: number): number {
    return Math.floor(((hash & (range - 1)) * this.#slots.length) / range);
  }

  #after(slot: number): number {
    return slot + 1 === this.#slots.length ? 0 : slot + 1;
  }

  #put(hash: number, position: number): void {
    let slot = this.#home(hash);
    while (this.#slots[slot] !== 0) slot = this.#after(slot);
    this.#slots[slot] = position;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(Math.ceil(before.length * growth));
    for (let slot = 0; slot < before.length; slot += 1) {
      const position = before[slot] ?? 0;
      if (position !== 0) this.#put(this.#hashAt(position), position);
    }
  }
}
