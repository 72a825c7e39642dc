import { WaystationError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import type { Meter } from '../../../base/metrics.ts';
import type { PlainEnd, PlainFailure } from '../../../base/plain-get.ts';
import type { Purpose } from '../../../base/transfer.ts';
import { Health } from '../../../origin/health.ts';
import type { Identity } from '../../../origin/identity.ts';
import { SourceLoader } from '../../../origin/loader.ts';
import type { LoaderParts, Wish } from '../../../origin/loader.ts';
import { RateSchedule } from '../../../origin/rate-schedule.ts';
import type { RateLimit } from '../../../origin/rate-schedule.ts';
import { Source } from '../../../origin/source.ts';
import { Traffic } from '../../../origin/traffic.ts';
import { StandingClock } from '../../support/standing-clock.ts';
import { TestClient } from '../clients.ts';

const never = new AbortController().signal;

interface Options extends Partial<Identity> {
  /** Of the one source. */
  readonly url: string;
  readonly limits?: readonly RateLimit[];
}

/** An upstream with one source, and what is told about it. Time stands still. */
export class PlainUpstream implements AsyncDisposable {
  readonly clock = new StandingClock();
  readonly health = new Health({ clock: this.clock, log: silentLogger });
  readonly source: Source;
  readonly traffic: Traffic;
  /** Bytes by purpose, as the metric has them. */
  readonly counted: Record<string, number> = {};
  readonly #client: TestClient;
  readonly #parts: LoaderParts;

  constructor({ url, limits = [], ...identity }: Options) {
    const { clock, health } = this;
    const inc = ({ purpose = '' }: Readonly<Record<string, string>>, value = 1): void => {
      this.counted[purpose] = (this.counted[purpose] ?? 0) + value;
    };
    const none = { inc: () => {} };
    const meter: Meter = {
      counter: (name) => (name === 'upstream_bytes_total' ? { inc } : none),
      gauge: () => ({ set: () => {}, collect: () => {} }),
      histogram: () => ({ observe: () => {} }),
    };
    const transfers = { perHub: 64, total: 256 };
    this.traffic = new Traffic({ rates: new RateSchedule(limits), transfers, clock, meter });
    this.#client = new TestClient({ urls: [url], ...identity }, { traffic: this.traffic, clock, health });
    this.source = new Source(url, health.of(new URL(url).origin), clock);
    this.#parts = {
      client: this.#client.client,
      sources: () => [this.source],
      only: this.source,
      clock,
      random: Math.random,
      startBudget: 5000,
    };
  }

  loader(wish: Partial<Wish> = {}, parts: Partial<LoaderParts> = {}): SourceLoader {
    return new SourceLoader(
      { ...this.#parts, ...parts },
      { href: 'a+b.rpm', until: null, purpose: 'background', ...wish },
    );
  }

  /** A loader of which it is the turn. */
  entered(purpose: Purpose = 'background'): SourceLoader {
    const loader = this.loader({ purpose });
    void loader.turn(never);
    return loader;
  }

  /** Whether the next file may be had by a plain GET. */
  get gives(): boolean {
    const loader = this.entered();
    const request = loader.plain();
    loader.done();
    return request !== null;
  }

  /** The link breaks so many times. */
  broken(times: number): void {
    const health = this.health.of(this.source.origin);
    const failure = new WaystationError('upstream_unreachable', 'nobody there');
    for (let time = 0; time < times; time += 1) health.failed(failure, () => Promise.reject(failure));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}

/** An end as the program tells it. */
export function endOf(failure: PlainFailure | null, more: Partial<PlainEnd> = {}): PlainEnd {
  return { failure, date: null, received: 0, proven: null, ...more };
}
