import type { GenerationDocument } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import type { Disk } from '../../disk/disk.ts';
import type { Layout } from '../disk/layout.ts';

/** A subscription that stays at one generation until it is released. */
export interface Held {
  /** RFC 3339: since when it does not follow its newest generation. */
  readonly since: string;
  /** The generation that was published last: what a release makes current. */
  readonly newest: string;
}

/** What is current: the content of `current.json`, the one file that a flip, a rollback and a release replace. */
export interface Currents {
  /** Subscription → the generation that it serves. */
  readonly current: Readonly<Record<string, string>>;
  /** Subscription → how it is rolled back. */
  readonly held: Readonly<Record<string, Held>>;
  /** Generation → RFC 3339 at which it ceased to be current, where another than the next one took its place. */
  readonly left: Readonly<Record<string, string>>;
}

type Documents = ReadonlyMap<string, readonly GenerationDocument[]>;

/** As it is written; what there is none of is left out, as earlier versions wrote it. */
export function encodeCurrents({ current, held, left }: Currents): Buffer {
  const some = (fields: Readonly<Record<string, unknown>>): boolean => Object.keys(fields).length > 0;
  const file = { format: 1, current, ...(some(held) && { held }), ...(some(left) && { left }) };
  return Buffer.from(`${JSON.stringify(file, null, 2)}\n`);
}

/** What `current.json` says, or what is the best guess without it. */
export async function readCurrents(disk: Disk, layout: Layout, documents: Documents, log: Logger): Promise<Currents> {
  const guess: Record<string, string> = {};
  // Without a readable current.json the newest is the best guess.
  for (const [subscription, [newest]] of documents) if (newest !== undefined) guess[subscription] = newest.id;
  const nothing: Currents = { current: guess, held: {}, left: {} };
  try {
    const bytes = await disk.readFile(layout.current);
    if (bytes === null) {
      if (documents.size > 0)
        log.error({ path: layout.current }, 'current.json is missing; the newest generations are served');
      return nothing;
    }
    return believed(JSON.parse(bytes.toString()) as Partial<Currents>, documents, guess, log);
  } catch (error) {
    log.error(
      { path: layout.current, error: String(error) },
      'current.json cannot be read; the newest generations are served',
    );
    return nothing;
  }
}

function believed(
  file: Partial<Currents>,
  documents: Documents,
  guess: Readonly<Record<string, string>>,
  log: Logger,
): Currents {
  const current: Record<string, string> = { ...guess };
  const held: Record<string, Held> = {};
  for (const [subscription, id] of Object.entries(file.current ?? missing())) {
    const kept = documents.get(subscription) ?? [];
    const told = file.held?.[subscription];
    if (told !== undefined && kept.length > 0) held[subscription] = wellFormed(told, kept);
    if (kept.some((document) => document.id === id)) {
      current[subscription] = id;
      continue;
    }
    // Who went back does not want the newest: what is older than the lost one is nearer to it. Ids begin with their time.
    const older = told === undefined ? undefined : kept.find((document) => document.id < id);
    if (older !== undefined) current[subscription] = older.id;
    log.error({ subscription, id }, 'the current generation is lost; the newest that is left is served');
  }
  return { current, held, left: timesOf(file.left) };
}

function missing(): never {
  throw new Error('it does not say what is current');
}

function wellFormed(told: Partial<Held>, kept: readonly GenerationDocument[]): Held {
  const { since, newest } = told;
  const there = kept.find(({ id }) => id === newest) ?? kept[0];
  return { since: isTime(since) ? since : new Date(0).toISOString(), newest: there?.id ?? '' };
}

function timesOf(told: unknown): Record<string, string> {
  if (typeof told !== 'object' || told === null) return {};
  return Object.fromEntries(Object.entries(told).filter((entry): entry is [string, string] => isTime(entry[1])));
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

/** The same, with another generation current. @param kept of its subscription, newest first. */
export function flipped(
  state: Currents,
  to: GenerationDocument,
  kept: readonly GenerationDocument[],
  now: number,
): Currents {
  const { subscription, id } = to;
  const left: Record<string, string> = {};
  for (const [generation, time] of Object.entries(state.left)) if (generation !== id) left[generation] = time;
  const before = state.current[subscription];
  const place = kept.findIndex((document) => document.id === before);
  const next = place > 0 ? kept[place - 1] : undefined;
  // Where the next one takes over, its own time says when.
  if (before !== undefined && before !== id && next?.id !== id) left[before] = new Date(now).toISOString();
  return { ...state, current: { ...state.current, [subscription]: id }, left };
}

/** The same, without what concerns generations that are no longer there. */
export function pruned(state: Currents, isKept: (id: string) => boolean): Currents {
  return { ...state, left: Object.fromEntries(Object.entries(state.left).filter(([id]) => isKept(id))) };
}
