import { WaystationError } from '../../base/errors.ts';
import type { PulpApi } from './api.ts';
import { fieldsOf, listOf } from './fields.ts';
import type { Fields } from './fields.ts';

/** Rows of one request. Pulp's default is 100; it takes any number. */
const pageSize = 500;
/** Readings of a list that changes while it is read. */
const mostReadings = 4;

export interface Listing {
  readonly path: string;
  /** Filters. */
  readonly query: Readonly<Record<string, string>>;
  readonly fields: readonly string[];
}

interface Page {
  readonly count: number;
  readonly rows: readonly Fields[];
}

/**
 * All rows of a list, over all its pages, in order of creation.
 *
 * Pulp pages by offset, so a row that is deleted between two pages moves the others up and one is skipped without a
 * trace. Therefore each page begins with the last row of the one before, and the count must stay what it was; else the
 * list is read anew. New rows come at the end, where they do no harm.
 * @throws WaystationError `upstream_lied` when it never holds still; what the API throws.
 */
export async function allRows(api: PulpApi, listing: Listing, signal: AbortSignal): Promise<readonly Fields[]> {
  for (let reading = 1; reading <= mostReadings; reading++) {
    const rows = await readOnce(api, listing, signal);
    if (rows !== null) return rows;
  }
  throw new WaystationError('upstream_lied', `${listing.path} changed while it was read, ${mostReadings} times`);
}

/** null when the list changed meanwhile. */
async function readOnce(api: PulpApi, listing: Listing, signal: AbortSignal): Promise<readonly Fields[] | null> {
  const first = await page(api, listing, 0, signal);
  const rows = [...first.rows];
  while (rows.length < first.count) {
    const last = rows.at(-1);
    if (last === undefined) return null;
    const next = await page(api, listing, rows.length - 1, signal);
    const [overlap, ...more] = next.rows;
    if (next.count !== first.count || overlap === undefined || more.length === 0) return null;
    if (nameOf(overlap) !== nameOf(last)) return null;
    rows.push(...more);
  }
  const names = new Set(rows.map(nameOf));
  return rows.length === first.count && names.size === rows.length ? rows : null;
}

async function page(
  api: PulpApi,
  { path, query, fields }: Listing,
  offset: number,
  signal: AbortSignal,
): Promise<Page> {
  const paging = { ordering: 'pulp_created,pulp_id', limit: String(pageSize), offset: String(offset) };
  const answer = await api.get(path, { ...query, fields: fields.join(','), ...paging }, signal);
  const { count } = answer;
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0) {
    throw new WaystationError('upstream_lied', `${path} answers without a count`);
  }
  return { count, rows: listOf(answer['results'], `${path}: results`).map((row) => fieldsOf(row, `${path}: a row`)) };
}

/** The name that an object keeps when it is renamed: its prn, on older hubs its href. */
export function nameOf(row: Fields): string {
  return String(row['prn'] ?? row['pulp_href']);
}
