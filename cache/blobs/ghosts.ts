/** Places; a power of two. Half a megabyte remembers the last 100,000 or so. */
const places = 2 ** 17;

/**
 * Fingerprints of what was evicted lately: whoever comes back from there was evicted too early, and is not put on
 * probation again (S3-FIFO's ghost queue; here a table whose old entries are written over, so that its size is fixed).
 */
export class Ghosts {
  readonly #fingerprints = new Uint32Array(places);

  remember(words: Uint32Array): void {
    this.#fingerprints[placeOf(words)] = fingerprintOf(words);
  }

  /** Whether it was evicted lately; once. */
  recall(words: Uint32Array): boolean {
    const place = placeOf(words);
    if (this.#fingerprints[place] !== fingerprintOf(words)) return false;
    this.#fingerprints[place] = 0;
    return true;
  }
}

function placeOf(words: Uint32Array): number {
  return (words[1] ?? 0) & (places - 1);
}

/** Never 0. */
function fingerprintOf(words: Uint32Array): number {
  return ((words[0] ?? 0) | 1) >>> 0;
}
