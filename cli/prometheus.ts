import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client';
import type { Counter, Gauge, Histogram, Meter } from '../base/metrics.ts';
import { labelCells } from './label-cells.ts';

export interface PrometheusOptions {
  /**
   * Every value that a label can have, by the label's name. A counter whose labels are all named here shows each of
   * its combinations from the start, at 0: `rate()` would miss the first event of a series that appears with it.
   */
  readonly closedLabels?: Readonly<Record<string, readonly string[]>>;
  /** What all names begin with; default `waystation_`. */
  readonly prefix?: string;
  /** Also memory, CPU, descriptors, event loop and collections of this process. */
  readonly processMetrics?: boolean;
}

export interface Prometheus extends Meter {
  /** Everything measured, in the text format. Gauges with `collect` are read now. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/**
 * Metrics in a registry of their own. Asking for a name again gives the same metric, so that parts of which there are
 * several share one. Counting costs two map look-ups: prom-client is only told the sums, at a scrape.
 */
export function prometheus(options: PrometheusOptions = {}): Prometheus {
  const { prefix = 'waystation_' } = options;
  const registry = new Registry();
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  if (options.processMetrics) collectDefaultMetrics({ register: registry, prefix });
  return {
    counter: (name, help, labelNames = []) =>
      known(counters, name, () => counterOf(registry, { name: prefix + name, help, labelNames, ...options })),
    gauge: (name, help, labelNames = []) =>
      known(gauges, name, () => gaugeOf(registry, { name: prefix + name, help, labelNames })),
    histogram: (name, help, buckets) =>
      known(histograms, name, () => {
        const histogram = new PromHistogram({
          name: prefix + name,
          help,
          buckets: [...buckets],
          registers: [registry],
        });
        return { observe: (value) => histogram.observe(value) };
      }),
    render: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}

interface MetricShape {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly closedLabels?: Readonly<Record<string, readonly string[]>>;
}

function counterOf(registry: Registry, { name, help, labelNames, closedLabels = {} }: MetricShape): Counter {
  const cells = labelCells(labelNames);
  for (const labels of combinations(labelNames, closedLabels)) cells.cell(labels);
  const counter = new PromCounter({
    name,
    help,
    labelNames: [...labelNames],
    registers: [],
    collect() {
      this.reset();
      for (const { labels, sum } of cells.all()) this.inc(labels, sum);
    },
  });
  registry.registerMetric(counter);
  return {
    inc: (labels, value = 1) => {
      cells.cell(labels).sum += value;
    },
  };
}

function gaugeOf(registry: Registry, { name, help, labelNames }: MetricShape): Gauge {
  const readers: Parameters<Gauge['collect']>[0][] = [];
  const gauge = new PromGauge({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    async collect() {
      if (readers.length === 0) return;
      const samples = await Promise.all(readers.map(async (read) => read()));
      // A subscription that is gone must not stay at its last value.
      this.reset();
      for (const [labels, value] of samples.flatMap((each) => [...each])) this.set({ ...labels }, value);
    },
  });
  return {
    set: (labels, value) => gauge.set({ ...labels }, value),
    collect: (read) => void readers.push(read),
  };
}

/** Every combination of the closed labels; none when one of them is open. Without labels: the one empty combination. */
function combinations(
  labelNames: readonly string[],
  closed: Readonly<Record<string, readonly string[]>>,
): Record<string, string>[] {
  let result: Record<string, string>[] = [{}];
  for (const name of labelNames) {
    const values = closed[name] ?? [];
    result = result.flatMap((labels) => values.map((value) => ({ ...labels, [name]: value })));
  }
  return result;
}

function known<Metric>(metrics: Map<string, Metric>, name: string, make: () => Metric): Metric {
  const found = metrics.get(name);
  if (found) return found;
  const made = make();
  metrics.set(name, made);
  return made;
}
