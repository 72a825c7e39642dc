/** Share of the slots that may be taken before the table grows … */
const fullest = 0.85;
/** … by this factor: 4.7 to 5.9 bytes an entry, where doubling would mean up to 9.4. */
const growth = 1.25;
const smallest = 1024;

/** Reads the first 32 bits of the digest of the entry at a position. */
export type HashAt = (position: number) => number;

/**
 * Finds positions (32 bits, never 0) by the first word of a digest: open addressing, without any copy of a key. Digests
 * are uniform, so that their first word is hash enough.
 */
export class PositionTable {
  #slots = new Uint32Array(smallest);
  #count = 0;
  readonly #hashAt: HashAt;

  constructor(hashAt: HashAt) {
    this.#hashAt = hashAt;
  }

  /** The first position under this hash that `is` accepts; 0: none. */
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

  /** The entry has moved. */
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

  /** Forgets everything and has room for so many. */
  clear(entries: number): void {
    this.#slots = new Uint32Array(Math.max(smallest, Math.ceil(entries / fullest) + 1));
    this.#count = 0;
  }

  #slotOf(hash: number, position: number): number {
    let slot = this.#home(hash);
    while (this.#slots[slot] !== position) slot = this.#after(slot);
    return slot;
  }

  #home(hash: number): number {
    return Math.floor((hash * this.#slots.length) / 2 ** 32);
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
    for (const position of before) if (position !== 0) this.#put(this.#hashAt(position), position);
  }
}
