/** A part of a whole, such as `5%` of a file system. */
export interface Percent {
  readonly percent: number;
}

/** An amount of disk: bytes, or a part of the file system that holds it. */
export type Share = number | Percent;

const units = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, PiB: 2 ** 50 } as const;
const unitsFromLargest = (Object.keys(units) as (keyof typeof units)[]).toReversed();

export const sizePattern = /^(\d+)(B|KiB|MiB|GiB|TiB|PiB)$/;
const percentPattern = /^(\d{1,3}(?:\.\d{1,3})?)%$/;
export const sharePattern = /^(\d+(B|KiB|MiB|GiB|TiB|PiB)|\d{1,3}(\.\d{1,3})?%)$/;
export const ratePattern = /^(\d+(?:B|KiB|MiB|GiB|TiB|PiB))\/s$/;

/**
 * Reads `20MiB`: a whole number and a binary unit, nothing between.
 * @returns bytes; null when it is not a size, or not exact in a double.
 */
export function parseSize(text: string): number | null {
  const match = sizePattern.exec(text);
  if (match === null) return null;
  const bytes = Number(match[1]) * units[match[2] as keyof typeof units];
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Writes bytes so that `parseSize` gives them back, in the largest unit that is exact. */
export function formatSize(bytes: number): string {
  const unit = unitsFromLargest.find((name) => bytes >= units[name] && bytes % units[name] === 0) ?? 'B';
  return `${bytes / units[unit]}${unit}`;
}

/** Reads `5%` or `2.5%`; null when it is not a percentage of 0 to 100. */
export function parsePercent(text: string): Percent | null {
  const match = percentPattern.exec(text);
  if (match === null) return null;
  const percent = Number(match[1]);
  return percent <= 100 ? { percent } : null;
}

/** Reads a size or a percentage. */
export function parseShare(text: string): Share | null {
  return parsePercent(text) ?? parseSize(text);
}

export function formatShare(share: Share): string {
  return typeof share === 'number' ? formatSize(share) : `${share.percent}%`;
}

/** What a share comes to, in whole bytes, of `total` bytes. */
export function bytesOf(share: Share, total: number): number {
  return typeof share === 'number' ? share : Math.floor((total * share.percent) / 100);
}

/** Reads `20MiB/s`: bytes a second, null when it is not a rate. */
export function parseRate(text: string): number | null {
  const match = ratePattern.exec(text);
  return match?.[1] === undefined ? null : parseSize(match[1]);
}

/** Writes bytes a second so that `parseRate` gives them back. */
export function formatRate(bytes: number): string {
  return `${formatSize(bytes)}/s`;
}
