import { z } from 'zod';
import { WaystationError } from '../../base/errors.ts';

const key = /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/;
const value = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** What operators call PoPs by in sets: `site` → `lyon`. */
export const labels = z.record(z.string().regex(key), z.string().regex(value));

export type Labels = Readonly<Record<string, string>>;

/** What is to become of labels: a new value, or null for one that is to go. */
export type LabelChanges = Readonly<Record<string, string | null>>;

/** Reads `site=lyon` and, for one that is to go, `site-`. @throws WaystationError `bad_request` */
export function parseLabelChanges(words: readonly string[]): LabelChanges {
  return Object.fromEntries(
    words.map((word) => {
      const [name = '', ...rest] = word.split('=');
      if (rest.length === 0 && name.endsWith('-') && key.test(name.slice(0, -1))) return [name.slice(0, -1), null];
      const text = rest.join('=');
      if (rest.length > 0 && key.test(name) && value.test(text)) return [name, text];
      const rule = 'letters, digits, ".", "_" and "-", at most 63 on each side, keys in lower case';
      throw new WaystationError('bad_request', `${word} is no label: KEY=VALUE, or KEY- to remove it; ${rule}`);
    }),
  );
}

export function changedLabels(before: Labels, changes: LabelChanges): Labels {
  const entries = Object.entries({ ...before, ...changes });
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== null));
}

/** Whether a PoP of these labels is meant: each label that is asked for has that value. Nothing asked for means all. */
export function isSelected(own: Labels, select: Labels): boolean {
  return Object.entries(select).every(([name, wanted]) => Object.hasOwn(own, name) && own[name] === wanted);
}
