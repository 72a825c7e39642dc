/** Metrics, as a port; prom-client stands behind it in the service. Names come without the `waystation_` prefix. */
export interface Meter {
  counter(name: string, help: string, labelNames?: readonly string[]): Counter;
  gauge(name: string, help: string, labelNames?: readonly string[]): Gauge;
  histogram(name: string, help: string, buckets: readonly number[]): Histogram;
}

export interface Counter {
  inc(labels: Readonly<Record<string, string>>, value?: number): void;
}

export interface Gauge {
  set(labels: Readonly<Record<string, string>>, value: number): void;
  /** Asks `read` at each scrape; for figures that are cheap to read and dear to follow. */
  collect(read: () => Samples | Promise<Samples>): void;
}

/** Labels and value of each series. */
type Samples = Iterable<readonly [Readonly<Record<string, string>>, number]>;

export interface Histogram {
  observe(value: number): void;
}

/** Counts nothing, for tests and one-shot commands. */
export const silentMeter: Meter = {
  counter: () => ({ inc: () => {} }),
  gauge: () => ({ set: () => {}, collect: () => {} }),
  histogram: () => ({ observe: () => {} }),
};
