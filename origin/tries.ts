import type { Clock } from '../base/clock.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { Source } from './source.ts';

export interface TryOptions {
  /** In the order in which they are asked. */
  readonly sources: readonly Source[];
  /** Milliseconds for all tries together. */
  readonly budget: number;
  readonly clock: Clock;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Tells the milliseconds that tries waited for their turn so far: they do not count. */
  readonly passage?: { readonly waited: number };
}

/** Milliseconds: less than this is not worth another try. */
const leastTry = 250;
/** Milliseconds that a source gets at least while others wait. */
const leastShare = 2000;
/** Milliseconds before the second and the third round, plus as much again as jitter. */
const pauses: readonly number[] = [150, 300];

/** Failures after which the same source may well give it a moment later. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'upstream_unreachable',
  'upstream_timeout',
  'upstream_cut',
  'upstream_status',
]);

/** Tries one source; has `startWithin` milliseconds. */
type Ask<Given> = (source: Source, startWithin: number) => Promise<Given>;

/** What has failed before the rounds go on. */
interface Failed {
  readonly deadline: number;
  readonly source: Source;
  readonly thrown: unknown;
}

/**
 * Asks sources until one gives: each once, then again, in up to three rounds inside the budget. While several sources
 * are left in the first round, none takes more than its share of the time. Retry-After is waited out when the budget
 * allows, and then nobody is asked before.
 * @throws WaystationError the most telling failure; the signal's reason.
 */
export function firstToGive<Given>(options: TryOptions, ask: Ask<Given>): Promise<Given> {
  const { sources, budget, clock, passage } = options;
  const [source] = sources;
  if (sources.length > 1 || source === undefined || budget < leastTry || source.refusal() !== null)
    return inRounds(options, ask, null);
  // Nearly all have one source, and it gives.
  const deadline = clock.monotonic() + budget - (passage?.waited ?? 0);
  return ask(source, budget).then(
    (given) => {
      source.gave();
      return given;
    },
    (thrown: unknown) => inRounds(options, ask, { deadline, source, thrown }),
  );
}

async function inRounds<Given>(options: TryOptions, ask: Ask<Given>, failed: Failed | null): Promise<Given> {
  const { clock, random, signal, passage } = options;
  const waited = (): number => passage?.waited ?? 0;
  const deadline = failed?.deadline ?? clock.monotonic() + options.budget - waited();
  const left = (): number => deadline + waited() - clock.monotonic();
  const failures: WaystationError[] = [];
  let again: Source[] = [];
  const note = (source: Source, thrown: unknown): void => {
    signal.throwIfAborted();
    const error = asWaystationError(thrown);
    failures.push(error);
    if (error.retryAfter !== null) source.holdFor(error.retryAfter);
    if (passing.has(error.code)) again.push(source);
  };
  if (failed !== null) note(failed.source, failed.thrown);
  let candidates = failed === null ? options.sources : again;
  for (let round = failed === null ? 0 : 1; candidates.length > 0 && round <= pauses.length; round++) {
    if (round > 0) {
      const pause = Math.max((pauses[round - 1] ?? 0) * (1 + random()), shortestHold(candidates));
      if (left() - pause < leastTry) break;
      await clock.sleep(pause, signal);
    }
    again = [];
    for (const [index, source] of candidates.entries()) {
      if (left() < leastTry) break;
      const refusal = source.refusal();
      if (refusal !== null) {
        failures.push(refusal);
        if (source.holdLeft > 0) again.push(source);
        continue;
      }
      const share = round === 0 ? left() / (candidates.length - index) : left();
      try {
        const given = await ask(source, Math.min(left(), Math.max(share, leastShare)));
        source.gave();
        return given;
      } catch (thrown) {
        note(source, thrown);
      }
    }
    candidates = again;
  }
  throw mostTelling(failures);
}

/** 0 when one of them may be asked at once. */
function shortestHold(sources: readonly Source[]): number {
  return Math.min(...sources.map((source) => source.holdLeft));
}

/** Absence when all who answered agree on it; else the last failure, but not that nobody was asked if somebody was. */
function mostTelling(failures: readonly WaystationError[]): WaystationError {
  const asked = failures.filter(({ code }) => code !== 'upstream_breaker_open');
  const answers = asked.filter(({ code }) => !linkFailures.has(code));
  const missing = answers.at(-1);
  if (missing !== undefined && answers.every(({ code }) => code === 'upstream_missing')) return missing;
  return asked.at(-1) ?? failures.at(-1) ?? new WaystationError('upstream_unreachable', 'no source to ask');
}

const linkFailures: ReadonlySet<ErrorCode> = new Set(['upstream_unreachable', 'upstream_timeout', 'upstream_cut']);
