import type { RunStatus } from '../base/status.ts';

/** How far a run is, in the figures that a line has room for. */
export interface RunProgress {
  /** The kind of files that it is at; null before it knows of any. */
  readonly phase: string | null;
  readonly done: number;
  readonly total: number;
  /** Of the bytes of the phase, or of its files when their sizes are not known; null: nothing is known. */
  readonly percent: number | null;
}

/** @param run only its phases count: the last that has begun is where it is. */
export function runProgress({ phases }: Pick<RunStatus, 'phases'>): RunProgress {
  const phase = phases.findLast(({ done, total }) => done > 0 || total > 0);
  if (phase === undefined) return { phase: null, done: 0, total: 0, percent: null };
  const { name, done, total, bytes, totalBytes } = phase;
  const share = totalBytes > 0 ? bytes / totalBytes : total > 0 ? done / total : null;
  return { phase: name, done, total, percent: share === null ? null : Math.floor(Math.min(1, share) * 100) };
}
