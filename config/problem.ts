import { WaystationError } from '../base/errors.ts';

/** Where a value stands in the configuration: map keys and list indexes (from 0), outermost first. */
export type KeyPath = readonly (string | number)[];

/** Something wrong with a configuration, before it has a position in the file. */
export interface Finding {
  /** The key that the message is about; it may be one that is missing. */
  readonly path: KeyPath;
  readonly message: string;
  /** `key`: the key itself is wrong, so its own position is reported. Else the value's. */
  readonly on?: 'key';
  /** Where to point to when that is not `path` itself. */
  readonly seen?: KeyPath;
}

/** One line of the report: `FILE:LINE:COLUMN: path.to.key: message`. */
export interface Problem {
  readonly file: string;
  /** From 1, columns in characters; null when the file as a whole cannot be read. */
  readonly position: { readonly line: number; readonly column: number } | null;
  /** `path.to.key`, indexes as numbers; `document` for all of it; empty when the file cannot be read. */
  readonly key: string;
  /** Never holds a value from the file: that might be a secret in the wrong place. */
  readonly message: string;
}

/** A configuration that cannot be used, with everything that is wrong with it, in the order of the file. */
export class ConfigInvalidError extends WaystationError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options: { cause?: unknown } = {}) {
    super('config_invalid', problems.map(formatProblem).join('\n'), options);
    this.problems = problems;
  }
}

/** The problem as one line of text, without control characters. */
export function formatProblem({ file, position, key, message }: Problem): string {
  const place = position === null ? file : `${file}:${position.line}:${position.column}`;
  return [place, ...(key === '' ? [] : [key]), message].join(': ');
}

/** `subscriptions.0.name`; keys of more than letters, digits, `-` and `_` are quoted. The root is `document`. */
export function formatKey(path: KeyPath): string {
  if (path.length === 0) return 'document';
  return path.map((part) => (/^[\w-]+$/.test(String(part)) ? part : quoted(String(part)))).join('.');
}

function quoted(key: string): string {
  return JSON.stringify(key).replaceAll(
    /[^\u0020-\u007e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
