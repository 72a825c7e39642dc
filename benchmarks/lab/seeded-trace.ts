/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Names by number as they are asked for: the n-th most popular with a probability like 1/n^0.9 (Zipf; what caches of
 * software see lies at 0.8 to 1). Which name is how popular follows from the seed.
 */
export function seededTrace(of: { readonly names: number; readonly length: number; readonly seed: number }): number[] {
  const random = seededRandom(of.seed);
  const order = Array.from({ length: of.names }, (_, name) => ({ name, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ name }) => name);
  const sums: number[] = [];
  for (let rank = 1; rank <= of.names; rank += 1) sums.push((sums.at(-1) ?? 0) + 1 / rank ** 0.9);
  const whole = sums.at(-1) ?? 1;
  return Array.from({ length: of.length }, () => {
    const drawn = random() * whole;
    const rank = sums.findIndex((sum) => sum > drawn);
    return order[rank] ?? 0;
  });
}
