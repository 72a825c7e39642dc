import { parseDigest } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { decodeRequestPath } from '../../http/request-path.ts';
import { isSnapshotName } from '../../protocol/snapshot.ts';
import type { Route } from './accounts.ts';
import type { WantedFile } from './ports.ts';

/** What a request target names. */
export interface Target {
  readonly route: Route;
  /** What comes after the route: the name of a snapshot, `<algorithm>/<hex>`; empty where nothing does. */
  readonly rest: string;
  /** Without its `?`. */
  readonly query: string;
}

/** Path → what is there; one that ends with `/` has something behind it. */
const places: readonly (readonly [string, Route])[] = [
  ['/v1/blobs/', 'blobs'],
  ['/v1/assignment', 'assignment'],
  ['/v1/heartbeats', 'heartbeats'],
  ['/v1/snapshots/', 'snapshots'],
  ['/v1/registrations', 'registrations'],
  ['/v1/renewals', 'renewals'],
  ['/api/v1/', 'api'],
];

/** @throws WaystationError `bad_path` */
export function targetOf(url: string): Target {
  const decoded = decodeRequestPath(url);
  if ('error' in decoded) throw new WaystationError('bad_path', `the path is refused: ${decoded.reason}`);
  const { path, query } = decoded;
  const found = places.find(([place]) => (place.endsWith('/') ? path.startsWith(place) : path === place));
  if (found === undefined) return { route: 'none', rest: '', query };
  return { route: found[1], rest: path.slice(found[0].length), query };
}

/** @param rest `<algorithm>/<hex>`. @returns null when it is no digest. */
export function digestNamed(rest: string): Digest | null {
  const text = rest.replace('/', ':');
  const digest = parseDigest(text);
  return digest === text ? digest : null;
}

/** Where a file is listed, as the query says. @throws WaystationError `bad_request` when it says so in part, or oddly. */
export function listedAt(query: string): WantedFile['listed'] {
  if (query === '') return null;
  const asked = new URLSearchParams(query);
  const told = ['snapshot', 'path', 'href'].map((name) => asked.get(name) ?? '');
  if (told.every((text) => text === '')) return null;
  const [snapshot = '', path = '', href = ''] = told;
  if (!isSnapshotName(snapshot) || !isRelative(path) || !isRelative(href)) {
    throw new WaystationError('bad_request', 'snapshot, path and href must say together where the file is listed');
  }
  return { snapshot, path, href };
}

/** A path below something: no way out of it, whoever reads it. */
function isRelative(path: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return /^[^/\x00-\x1f\x7f\\][^\x00-\x1f\x7f\\]{0,4095}$/.test(path) && !path.split('/').includes('..');
}
