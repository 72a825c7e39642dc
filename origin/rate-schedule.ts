import type { AllowedRate, Pause, RateInForce } from '../base/allowed-rate.ts';
import { ZoneTime } from './zone-time.ts';

/** One bound for what is taken from upstream. */
export interface RateLimit {
  /** Bytes a second, more than 0; null: as fast as without it. */
  readonly rate: number | null;
  /** Whether background work begins nothing while it applies. */
  readonly pausesBackground?: boolean;
  /** null: always. `days` begin with Sunday; minutes of the day; an end at or before the beginning is the next day's. */
  readonly during: { readonly days: readonly boolean[]; readonly from: number; readonly until: number } | null;
  /** Where the clocks hang that `during` is about. */
  readonly timezone: string;
}

const minute = 60_000;
const day = 1440;
/** Every window comes round in a week; one whose hour a change of the clocks took away, in two. */
const horizon = 15 * day * minute;
/** Changes of the rate that a forecast follows one by one; what is left goes on at the mean rate until there. */
const mostSegments = 200;

/** The rate in force by the limits' windows, and pauses of background work: of those that apply, the strictest. */
export class RateSchedule implements AllowedRate {
  readonly #limits: readonly (RateLimit & { readonly zone: ZoneTime })[];

  constructor(limits: readonly RateLimit[]) {
    this.#limits = limits.map((limit) => ({ ...limit, zone: new ZoneTime(limit.timezone) }));
  }

  at(now: number): RateInForce {
    return { rate: this.#rate(now), until: this.#change(now, (time) => this.#rate(time)) };
  }

  get pauses(): boolean {
    return this.#limits.some(({ pausesBackground }) => pausesBackground === true);
  }

  pause(now: number): Pause | null {
    if (!this.#isPaused(now)) return null;
    return { until: this.#change(now, (time) => this.#isPaused(time)) };
  }

  millisecondsFor(bytes: number, from: number): number {
    let left = bytes;
    let now = from;
    for (let segment = 0; segment < mostSegments; segment++) {
      const rate = this.#backgroundRate(now);
      const until = this.#change(now, (time) => this.#backgroundRate(time));
      if (left <= 0 || rate === null) return now - from;
      const needed = (left / rate) * 1000;
      if (until === null || now + needed <= until) return now - from + needed;
      left -= (rate * (until - now)) / 1000;
      now = until;
    }
    return ((now - from) * bytes) / (bytes - left);
  }

  #rate(now: number): number | null {
    const rates = this.#limits.flatMap((limit) => (limit.rate !== null && applies(limit, now) ? [limit.rate] : []));
    return rates.length === 0 ? null : Math.min(...rates);
  }

  #isPaused(now: number): boolean {
    return this.#limits.some((limit) => limit.pausesBackground === true && applies(limit, now));
  }

  #backgroundRate(now: number): number | null {
    return this.#isPaused(now) ? 0 : this.#rate(now);
  }

  /** When something is another than at `now`; null: never. */
  #change(now: number, of: (time: number) => number | boolean | null): number | null {
    const is = of(now);
    for (let look = this.#nextLook(now); look !== null && look <= now + horizon; look = this.#nextLook(look)) {
      if (of(look) !== is) return look;
    }
    return null;
  }

  /** The first instant after `now` at which a window may begin or end; null when there are no windows. */
  #nextLook(now: number): number | null {
    const looks = this.#limits.flatMap((limit) => {
      const next = edgeAfter(limit, now);
      return next === null ? [] : [next];
    });
    return looks.length === 0 ? null : Math.min(...looks);
  }
}

type Placed = RateLimit & { readonly zone: ZoneTime };

function applies({ during, zone }: Placed, now: number): boolean {
  if (during === null) return true;
  const local = zone.localAt(now);
  const weekday = new Date(local).getUTCDay();
  const minutes = Math.floor(local / minute) % day;
  const { days, from, until } = during;
  const today = days[weekday] === true;
  if (until > from) return today && minutes >= from && minutes < until;
  const yesterday = days[(weekday + 6) % 7] === true;
  return (today && minutes >= from) || (yesterday && minutes < until);
}

/** When the wall next shows one of the window's times, or the clocks change before that. */
function edgeAfter({ during, zone }: Placed, now: number): number | null {
  if (during === null) return null;
  const began = Math.floor(now / minute);
  const minutes = Math.floor(zone.localAt(now) / minute) % day;
  const steps = [during.from, during.until].map((edge) => ((edge - minutes - 1 + 2 * day) % day) + 1);
  const edge = (began + Math.min(...steps)) * minute;
  return zone.changeWithin(now, edge) ?? edge;
}
