import type { GenerationDocument } from '../base/generation.ts';
import type { Logger } from '../base/log.ts';
import type { Store } from '../cache/store.ts';
import type { GenerationStore } from '../sync/store.ts';

/** The store as subscriptions see it. @param then does what follows a publication, such as renewing pages. */
export function publishing(store: Store, then: (document: GenerationDocument) => Promise<void>): GenerationStore {
  return {
    current: (subscription) => store.current(subscription),
    newest: (subscription) => store.generations.newest(subscription),
    kept: (subscription) => store.kept(subscription),
    rolledBackSince: (subscription) => store.generations.rolledBackSince(subscription),
    pins: () => store.generations.pins(),
    publish: async (document) => {
      await store.publish(document);
      await then(document);
    },
    repomdServedAt: (path) => store.repomdServedAt(path),
    beginRun: (subscription) => store.beginRun(subscription),
    holdsAll: (path, repository) => store.stored.holdsAll(path, repository),
    holdings: (path, repository) => store.holdings(path, repository),
    notes: store.notes,
  };
}

/** Nobody shall wonder for long why nothing new comes. */
export function sayRolledBack(store: Store, log: Logger): void {
  for (const subscription of store.generations.subscriptions()) {
    const since = store.generations.rolledBackSince(subscription);
    const [generation, newest] = [store.current(subscription)?.id, store.generations.newest(subscription)?.id];
    if (since !== null) log.warn({ subscription, generation, newest, since }, 'this subscription is rolled back');
  }
}
