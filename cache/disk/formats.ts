import type { Disk } from '../../disk/disk.ts';
import { Layout } from './layout.ts';

/** What makes a directory of one format into one of the next. */
export interface FormatStep {
  /** What it does, for the operator who reads along: "package maps move to maps2/". */
  readonly summary: string;
  /**
   * Resolves once everything that it changed is durable. It may be cut short at any disk call, by a kill or a failure,
   * and is run again from its beginning then: what is done already, it finds done.
   */
  readonly run: (disk: Disk, root: string) => Promise<void>;
}

/** One format of the state directory; `docs/on-disk-format.md` describes it. */
export interface StateFormat {
  readonly number: number;
  /** Where everything lies in it; a store works in a directory through this, so what it writes is of its format. */
  readonly layout: (root: string) => Layout;
  /** How one comes here from the format before; null: from none. */
  readonly step: FormatStep | null;
}

/**
 * The formats that a version knows, numbered without a gap, the oldest first. It makes new directories in the last one,
 * serves from those of the last two, and upgrades from any.
 */
export type StateFormats = readonly [StateFormat, ...StateFormat[]];

/** The formats that this version knows. */
export const stateFormats: StateFormats = [{ number: 1, layout: (root) => new Layout(root), step: null }];

/** The format of new directories. */
export function currentFormat(formats: StateFormats): StateFormat {
  return formats.at(-1) ?? formats[0];
}

/** Those that a service works in: the current one and the one before, as it is. */
export function servedFormats(formats: StateFormats): readonly StateFormat[] {
  return formats.slice(-2);
}
