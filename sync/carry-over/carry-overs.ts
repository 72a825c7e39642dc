import type { Clock } from '../../base/clock.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { CarryOver, CarryOverReport } from './carry-over.ts';

/** Milliseconds until what could not be had is tried again. */
const again = 5 * 60_000;

/** Shows work as a run while it lasts. Resolves when it has ended, with whether somebody called it off. */
export type RunCarryOver = (
  subscription: string,
  work: (report: CarryOverReport, signal: AbortSignal) => Promise<void>,
) => Promise<{ readonly cancelled: boolean }>;

/**
 * Begins a subscription's carry-over when there is something to carry over: one at a time, and again after an outage.
 * What somebody called off goes on with the next change, or after a restart.
 */
export class CarryOvers {
  readonly #carriers: ReadonlyMap<string, CarryOver>;
  readonly #run: RunCarryOver;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  readonly #working = new Map<string, Promise<void>>();

  constructor(options: {
    readonly carriers: ReadonlyMap<string, CarryOver>;
    readonly run: RunCarryOver;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#carriers = options.carriers;
    this.#run = options.run;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Goes on with what an earlier process left. */
  begin(): void {
    for (const subscription of this.#carriers.keys()) this.published(subscription);
  }

  /** Something was published: whoever told this does not wait. */
  published(subscription: string): void {
    const carrier = this.#carriers.get(subscription);
    if (carrier === undefined || this.#closing.signal.aborted) return;
    // After what is under way, which may have looked before.
    const before = this.#working.get(subscription) ?? Promise.resolve();
    this.#working.set(
      subscription,
      before.then(() => this.#work(subscription, carrier)),
    );
  }

  async close(): Promise<void> {
    this.#closing.abort(new WaystationError('cancelled', 'the service is stopping'));
    await Promise.all(this.#working.values());
  }

  async #work(subscription: string, carrier: CarryOver): Promise<void> {
    const { signal } = this.#closing;
    try {
      while (!signal.aborted && (await carrier.hasWork())) {
        let complete = false;
        const { cancelled } = await this.#run(subscription, async (report, stop) => {
          await carrier.run(report, AbortSignal.any([signal, stop]));
          complete = true;
        });
        if (complete || cancelled) return;
        await this.#clock.sleep(again, signal).catch(() => {});
      }
    } catch (thrown) {
      this.#log.error({ subscription, err: asWaystationError(thrown) }, 'carry-over broke');
    }
  }
}
