import type { Meter } from '../base/metrics.ts';
import type { GenerationStore, Holdings } from './store.ts';

/** Of each repository of the generations that are served: packages and their bytes, and how much of them is held. */
export function measureHoldings(
  subscriptions: readonly string[],
  store: Pick<GenerationStore, 'current' | 'holdings'>,
  meter: Meter,
): void {
  const gauge = (name: string, help: string, of: (holdings: Holdings) => number): void =>
    meter.gauge(name, help, ['subscription', 'repository']).collect(async () => {
      const served = subscriptions.flatMap((subscription) =>
        Object.entries(store.current(subscription)?.repositories ?? {}).map(async ([repository, document]) => {
          const holdings = await store.holdings(repository, document);
          return [{ subscription, repository }, of(holdings)] as const;
        }),
      );
      return Promise.all(served);
    });
  gauge('packages_listed', 'Packages that a repository lists', ({ packages }) => packages.listed);
  gauge('packages_held', 'Packages of a repository that are held', ({ packages }) => packages.held);
  gauge('package_bytes_listed', 'Bytes of the packages that a repository lists', ({ bytes }) => bytes.listed);
  gauge('package_bytes_held', 'Bytes of the packages of a repository that are held', ({ bytes }) => bytes.held);
}
