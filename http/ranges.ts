/** A part of a file, half-open: `start` is the first byte, `end` the one after the last. Never empty. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * What a Range header comes to. `whole`: as if it were not there. `ranges`: at least one; pairwise neither overlapping
 * nor adjacent, so they never add up to more than the file. `unsatisfiable`: 416.
 */
export type RangeDecision =
  | { readonly kind: 'whole' }
  | { readonly kind: 'ranges'; readonly ranges: readonly [ByteRange, ...ByteRange[]] }
  | { readonly kind: 'unsatisfiable' };

/** zchunk asks for at most this many in one request; who asks for more gets the whole (RFC 9110 §14.2 allows it). */
export const maximumRanges = 256;

const whole: RangeDecision = { kind: 'whole' };
const unsatisfiable: RangeDecision = { kind: 'unsatisfiable' };

/**
 * Reads a Range header against a file (RFC 9110 §14.1, §14.2). Another unit, bad syntax or more than `maximumRanges`
 * mean the whole file. Ranges that overlap or touch are joined, in place of the first of them (§15.3.7.2); the others
 * stay in the order of the request.
 * @param header undefined when the request has none.
 * @param size of the whole file in bytes.
 */
export function parseRange(header: string | undefined, size: number): RangeDecision {
  if (header === undefined) return whole;
  const specifiers = rangeSet(header);
  if (specifiers === null) return whole;
  const satisfiable: ByteRange[] = [];
  for (const specifier of specifiers) {
    const range = resolved(specifier, size);
    if (range === 'invalid') return whole;
    if (range !== null) satisfiable.push(range);
  }
  const [first, ...rest] = joined(satisfiable);
  if (first !== undefined) return { kind: 'ranges', ranges: [first, ...rest] };
  // A suffix of an empty file is satisfiable by §14.1.2, but no Content-Range can express it.
  return size === 0 && specifiers.some((specifier) => /^-0*[1-9]/.test(specifier)) ? whole : unsatisfiable;
}

/** The Content-Range of a 206 (§14.4): the last position is inclusive there. */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end - 1}/${size}`;
}

/** The Content-Range of a 416. */
export function unsatisfiedRange(size: number): string {
  return `bytes */${size}`;
}

/** The non-empty members of the list; null when it is not a list of at most `maximumRanges` byte ranges. */
function rangeSet(header: string): readonly string[] | null {
  const equals = header.indexOf('=');
  if (equals < 0 || header.slice(0, equals).toLowerCase() !== 'bytes') return null;
  // §5.6.1.2: empty members are skipped, a reasonable number of them; the header's own size limit bounds it.
  const members = header
    .slice(equals + 1)
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
  return members.length === 0 || members.length > maximumRanges ? null : members;
}

/** A specifier against the size; null when it is beyond the file. Numbers too large for exactness are beyond it too. */
function resolved(specifier: string, size: number): ByteRange | null | 'invalid' {
  const match = /^([0-9]*)-([0-9]*)$/.exec(specifier);
  if (match === null) return 'invalid';
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return 'invalid';
    const length = Math.min(Number(last), size);
    return length === 0 ? null : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== '' && isBefore(last, first)) return 'invalid';
  if (start >= size) return null;
  return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) };
}

/** Compares digit strings of any length exactly. */
function isBefore(left: string, right: string): boolean {
  const [a, b] = [left.replace(/^0+/, ''), right.replace(/^0+/, '')];
  return a.length === b.length ? a < b : a.length < b.length;
}

/** Joins what overlaps or touches; each result stands where the first of its members stood. */
function joined(ranges: readonly ByteRange[]): readonly ByteRange[] {
  if (ranges.length < 2) return ranges;
  const groups: { start: number; end: number; position: number }[] = [];
  const sorted = ranges.map((range, position) => ({ ...range, position })).toSorted((a, b) => a.start - b.start);
  for (const range of sorted) {
    const group = groups.at(-1);
    if (group === undefined || range.start > group.end) {
      groups.push(range);
    } else {
      group.end = Math.max(group.end, range.end);
      group.position = Math.min(group.position, range.position);
    }
  }
  return groups.toSorted((a, b) => a.position - b.position).map(({ start, end }) => ({ start, end }));
}
