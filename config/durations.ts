const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const unitsFromLargest = (Object.keys(units) as (keyof typeof units)[]).toReversed();

export const durationPattern = /^(\d+)(ms|s|m|h|d)$/;

/**
 * Reads `500ms`, `60s`, `5m`, `72h` or `7d`: a whole number and one unit.
 * @returns milliseconds; null when it is not a duration, or not exact in a double.
 */
export function parseDuration(text: string): number | null {
  const match = durationPattern.exec(text);
  if (match === null) return null;
  const milliseconds = Number(match[1]) * units[match[2] as keyof typeof units];
  return Number.isSafeInteger(milliseconds) ? milliseconds : null;
}

/** Writes milliseconds so that `parseDuration` gives them back; days are written as hours, as people do here. */
export function formatDuration(milliseconds: number): string {
  const unit =
    unitsFromLargest.find((name) => name !== 'd' && milliseconds >= units[name] && milliseconds % units[name] === 0) ??
    (milliseconds === 0 ? 's' : 'ms');
  return `${milliseconds / units[unit]}${unit}`;
}
