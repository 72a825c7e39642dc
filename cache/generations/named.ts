import { WaystationError } from '../../base/errors.ts';
import type { GenerationDocument } from '../../base/generation.ts';
import type { Generations } from './generations.ts';

/** Fewest characters of an id that are taken for its beginning. */
const leastPrefix = 4;

/**
 * The generation that a person means: an id, the beginning of one, `@DATE` or `@TIME` (RFC 3339) for the newest of then,
 * `SUBSCRIPTION@DATE` where several subscriptions have one.
 * @param subscription only its generations are meant; null: any.
 * @throws WaystationError `unknown_generation` when it is none or more than one, with what there is.
 */
export function namedGeneration(
  generations: Pick<Generations, 'subscriptions' | 'kept'>,
  text: string,
  subscription: string | null,
): GenerationDocument {
  const names = subscription === null ? generations.subscriptions() : [subscription];
  const at = text.indexOf('@');
  const found =
    at >= 0
      ? dated(generations, names, { owner: text.slice(0, at), moment: text.slice(at + 1) })
      : names.flatMap((name) => withPrefix(generations.kept(name), text));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (only === undefined)
    throw unknown(`no kept generation${of(subscription)} is meant by ${text}${having(generations, names)}`);
  const listed = found.map(({ id, subscription: name }) => `${id} of ${name}`).join(', ');
  throw unknown(`${text} may be any of ${found.length} generations: ${listed}`);
}

function withPrefix(kept: readonly GenerationDocument[], text: string): readonly GenerationDocument[] {
  const exact = kept.filter(({ id }) => id === text);
  if (exact.length > 0 || text.length < leastPrefix) return exact;
  return kept.filter(({ id }) => id.startsWith(text));
}

function dated(
  generations: Pick<Generations, 'kept'>,
  names: readonly string[],
  { owner, moment: text }: { readonly owner: string; readonly moment: string },
): readonly GenerationDocument[] {
  const moment = momentOf(text);
  if (moment === null) throw new WaystationError('bad_request', `${text} is no RFC 3339 date or time`);
  const asked = owner === '' ? names : names.filter((name) => name === owner);
  return asked.flatMap((name) => generations.kept(name).find(({ created }) => Date.parse(created) <= moment) ?? []);
}

function of(subscription: string | null): string {
  return subscription === null ? '' : ` of ${subscription}`;
}

function having(generations: Pick<Generations, 'kept'>, names: readonly string[]): string {
  const ids = names.flatMap((name) => generations.kept(name)).map(({ id }) => id);
  if (ids.length === 0) return '; there is none';
  return `; there ${ids.length === 1 ? 'is' : 'are'} ${ids.slice(0, 10).join(', ')}${ids.length > 10 ? ', …' : ''}`;
}

function unknown(message: string): WaystationError {
  return new WaystationError('unknown_generation', message);
}

/** A time as it stands, in milliseconds; a date means the end of that day, UTC: "what was there on the first of November". */
export function momentOf(text: string): number | null {
  if (/^\d{4}-\d\d-\d\d$/.test(text)) {
    const start = Date.parse(`${text}T00:00:00Z`);
    return Number.isNaN(start) ? null : start + 86_399_999;
  }
  if (!/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text)) return null;
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? null : moment;
}
