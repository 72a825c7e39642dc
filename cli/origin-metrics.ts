import type { Meter } from '../base/metrics.ts';
import type { Health } from '../origin/health.ts';

/** The links to upstreams, each origin (scheme, host, port) by itself: read at each scrape. */
export function measureOrigins(health: Health, meter: Meter): void {
  meter
    .gauge('origin_up', 'Whether the last contact with an origin was an answer', ['origin'])
    .collect(() => health.states().map(({ origin, up }) => [{ origin }, up ? 1 : 0]));
  meter
    .gauge('origin_breaker_open', 'Whether requests to an origin are refused until a probe is answered', ['origin'])
    .collect(() => health.states().map(({ origin, breaker }) => [{ origin }, breaker === 'closed' ? 0 : 1]));
}
