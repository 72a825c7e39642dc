import type { Clock } from '../base/clock.ts';
import type { WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { OriginHealth } from './origin-health.ts';
import type { OriginState } from './origin-health.ts';

export interface HealthOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** In [0, 1), for jitter; default Math.random. */
  readonly random?: () => number;
  /** Told what time it is by the clock of an origin that answered, milliseconds since the epoch. */
  readonly onDate?: (date: number) => void;
}

/** The health of every origin that was asked; one for the whole process, so that all who ask one origin share it. */
export class Health {
  readonly #options: Required<HealthOptions>;
  readonly #origins = new Map<string, OriginHealth>();
  readonly #closing = new AbortController();

  constructor(options: HealthOptions) {
    this.#options = { random: Math.random, onDate: () => {}, ...options };
  }

  /** @param origin scheme, host and port, as URL.origin has them. */
  of(origin: string): OriginHealth {
    const known = this.#origins.get(origin);
    if (known !== undefined) return known;
    const health = new OriginHealth(origin, { ...this.#options, closing: this.#closing.signal });
    this.#origins.set(origin, health);
    return health;
  }

  /** For status and metrics. */
  states(): readonly OriginState[] {
    return [...this.#origins.values()].map((health) => health.state);
  }

  /** Ends all probing. */
  close(reason: WaystationError): void {
    this.#closing.abort(reason);
  }
}
