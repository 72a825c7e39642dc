import type { Digest } from '../../base/digest.ts';
import type { GenerationDocument } from '../../base/generation.ts';

/** A repository whose packages changed, and that was not carried over yet. */
export interface PendingChange {
  readonly path: string;
  /** The generation that brought the change. */
  readonly generation: string;
  /** The map of what it listed before. */
  readonly before: Digest;
}

/** What is carried over, and how far: kept over restarts. */
export interface CarryState {
  readonly format: 1;
  /** The newest generation that was looked at; null: none yet. */
  readonly seen: string | null;
  /** At most one a path. */
  readonly pending: readonly PendingChange[];
  /** Bytes that were fetched for a generation with something pending. */
  readonly spent: Readonly<Record<string, number>>;
}

export const nothingCarried: CarryState = { format: 1, seen: null, pending: [], spent: {} };

/**
 * Takes note of what was published since. A path that is still pending keeps the map from before its first change, so
 * that nothing new since then is passed over.
 * @param kept newest first. Where `seen` is none of them it is not known what changed, and it begins anew.
 */
export function withPublished(state: CarryState, kept: readonly GenerationDocument[]): CarryState {
  const [newest] = kept;
  if (newest === undefined || newest.id === state.seen) return state;
  const at = kept.findIndex(({ id }) => id === state.seen);
  const pending = new Map(state.pending.map((change) => [change.path, change]));
  for (let index = at - 1; index >= 0; index -= 1) {
    const [generation, before] = [kept[index], kept[index + 1]];
    if (generation === undefined || before === undefined) continue;
    for (const [path, { map }] of Object.entries(generation.repositories)) {
      const old = before.repositories[path]?.map ?? null;
      if (old === null || map === null || old === map) continue;
      pending.set(path, { path, generation: generation.id, before: pending.get(path)?.before ?? old });
    }
  }
  return settled({ ...state, seen: newest.id, pending: [...pending.values()] });
}

/** Done with these paths, as far as they changed in this generation. */
export function withoutPending(state: CarryState, paths: ReadonlySet<string>, generation: string): CarryState {
  const stays = (change: PendingChange): boolean => !paths.has(change.path) || change.generation !== generation;
  return settled({ ...state, pending: state.pending.filter(stays) });
}

export function withSpent(state: CarryState, generation: string, bytes: number): CarryState {
  return { ...state, spent: { ...state.spent, [generation]: (state.spent[generation] ?? 0) + bytes } };
}

/** Forgets what was spent for generations that are done. */
function settled(state: CarryState): CarryState {
  const open = new Set(state.pending.map(({ generation }) => generation));
  return { ...state, spent: Object.fromEntries(Object.entries(state.spent).filter(([id]) => open.has(id))) };
}
