/** Epoch, version and release of a package, as primary.xml has them. */
export interface Evr {
  readonly epoch: string;
  readonly version: string;
  readonly release: string;
}

/**
 * Orders two packages of one name as librpm's rpmverCmp does: epoch, then version, then release. A release that is not
 * there (empty) is older than any, also than one that begins with `~`.
 * @returns negative when `a` is older, 0 when neither is newer, positive when `a` is newer.
 */
export function compareEvr(a: Evr, b: Evr): number {
  return (
    compareVersions(a.epoch || '0', b.epoch || '0') ||
    compareVersions(a.version, b.version) ||
    compareReleases(a.release, b.release)
  );
}

function compareReleases(a: string, b: string): number {
  if (a === '' || b === '') return sign(a.length - b.length);
  return compareVersions(a, b);
}

/** Reads `[epoch:]version[-release]`; an epoch that is not there is 0. */
export function parseEvr(text: string): Evr {
  const colon = /^\d*:/.exec(text)?.[0].length ?? 0;
  const dash = text.lastIndexOf('-');
  return {
    epoch: text.slice(0, Math.max(0, colon - 1)) || '0',
    version: text.slice(colon, dash < colon ? undefined : dash),
    release: dash < colon ? '' : text.slice(dash + 1),
  };
}

const separators = /[^A-Za-z0-9~^]*/y;
const digits = /[0-9]*/y;
const letters = /[A-Za-z]*/y;

/**
 * Orders two versions (or releases) by the rules of rpmvercmp in librpm 4.18: segments of digits or of letters count,
 * everything else but `~` and `^` only separates; `~` sorts below the end of the text, `^` above it but below any
 * other continuation; digits are newer than letters.
 * @returns -1, 0 or 1.
 */
export function compareVersions(a: string, b: string): -1 | 0 | 1 {
  let i = 0;
  let j = 0;
  for (;;) {
    i += lengthAt(separators, a, i);
    j += lengthAt(separators, b, j);
    if (a[i] === '~' || b[j] === '~') {
      if (a[i] !== '~') return 1;
      if (b[j] !== '~') return -1;
      i++;
      j++;
      continue;
    }
    if (a[i] === '^' || b[j] === '^') {
      if (i === a.length) return -1;
      if (j === b.length) return 1;
      if (a[i] !== '^') return 1;
      if (b[j] !== '^') return -1;
      i++;
      j++;
      continue;
    }
    if (i === a.length || j === b.length) return sign(a.length - i - (b.length - j));
    const numeric = lengthAt(digits, a, i) > 0;
    const kind = numeric ? digits : letters;
    const left = a.slice(i, i + lengthAt(kind, a, i));
    const right = b.slice(j, j + lengthAt(kind, b, j));
    if (right === '') return numeric ? 1 : -1;
    const order = numeric ? compareNumbers(left, right) : compareTexts(left, right);
    if (order !== 0) return order;
    i += left.length;
    j += right.length;
  }
}

function lengthAt(pattern: RegExp, text: string, position: number): number {
  pattern.lastIndex = position;
  return pattern.exec(text)?.[0].length ?? 0;
}

/** Numbers have any length: compared as text, without leading zeros. */
function compareNumbers(a: string, b: string): -1 | 0 | 1 {
  const left = a.replace(/^0+/, '');
  const right = b.replace(/^0+/, '');
  return sign(left.length - right.length) || compareTexts(left, right);
}

function compareTexts(a: string, b: string): -1 | 0 | 1 {
  return a === b ? 0 : a < b ? -1 : 1;
}

function sign(difference: number): -1 | 0 | 1 {
  return difference === 0 ? 0 : difference < 0 ? -1 : 1;
}
