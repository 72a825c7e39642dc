import { WaystationError } from '../../base/errors.ts';

/** Readers of what a hub's JSON says, field by field: nothing of it is believed to have a shape. */

export type Fields = Readonly<Record<string, unknown>>;

/** @throws WaystationError `upstream_lied` */
export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new WaystationError('upstream_lied', `${what} is no object`);
}

/** @throws WaystationError `upstream_lied` */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new WaystationError('upstream_lied', `${what} is no list`);
}

/** @throws WaystationError `upstream_lied` */
export function textOf(fields: Fields, name: string, what: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new WaystationError('upstream_lied', `${what} has no ${name}`);
}

/** null when it is absent, null or empty. @throws WaystationError `upstream_lied` when it is something else. */
export function optionalText(fields: Fields, name: string, what: string): string | null {
  const value = fields[name] ?? null;
  return value === null || value === '' ? null : textOf(fields, name, what);
}
