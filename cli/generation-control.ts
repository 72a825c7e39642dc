import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Switch } from '../cache/generations/generations.ts';
import { namedGeneration } from '../cache/generations/named.ts';
import type { Store } from '../cache/store.ts';
import type { Config } from '../config/config.ts';
import type { GenerationControl, Switched } from '../gateway/admin/ports.ts';
import { GenerationComparison } from '../sync/generation-diff.ts';

interface ControlParts {
  readonly config: Config;
  readonly store: Store;
  readonly log: Logger;
  /** What is served is another generation now. */
  readonly switched: () => Promise<void>;
}

/** Pins, rollbacks, releases and comparisons, as the admin API and the commands without a service do them. */
export function generationControl({ config, store, log, switched }: ControlParts): GenerationControl {
  const { generations, publication } = store;
  const comparison = new GenerationComparison(store.sink);
  const known = (subscription: string): string => {
    const names = new Set([...config.subscriptions.map(({ name }) => name), ...generations.subscriptions()]);
    if (names.has(subscription)) return subscription;
    const there = names.size === 0 ? 'nothing is subscribed' : `there is ${[...names].join(', ')}`;
    throw new WaystationError('unknown_subscription', `no subscription is called ${subscription}; ${there}`);
  };
  const answer = async (subscription: string, { before, now, changed }: Switch, said: string): Promise<Switched> => {
    const since = generations.rolledBackSince(subscription);
    const newest = generations.newest(subscription)?.id ?? now.id;
    if (changed) {
      log.warn({ subscription, generation: now.id, before: before.id, newest }, said);
      await switched();
    }
    return { subscription, generation: now.id, before: before.id, newest, rolledBackSince: since, changed };
  };
  /** Who asks over HTTP is not told what is wrong with the disk; the log is. */
  const written = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work;
    } catch (thrown) {
      const { source, message } = asWaystationError(thrown);
      if (source === 'disk') log.error({ error: message }, 'what is served or pinned cannot be changed');
      throw thrown;
    }
  };
  return {
    setPinned: async (text, pinned) => {
      // One whose document is lost can still be unpinned.
      const lost = !pinned && generations.find(text) === null && (await written(generations.pins())).has(text);
      const id = lost ? text : namedGeneration(generations, text, null).id;
      const changed = await written(publication.setPinned(id, pinned));
      if (changed) log.info({ generation: id }, pinned ? 'a generation is pinned' : 'a generation is pinned no longer');
      return { generation: id, subscription: generations.find(id)?.subscription ?? null, pinned, changed };
    },
    rollback: async (name, text) => {
      const subscription = known(name);
      const to = text === null ? null : namedGeneration(generations, text, subscription).id;
      return answer(subscription, await written(publication.rollback(subscription, to)), 'rolled back');
    },
    release: async (name) => {
      const subscription = known(name);
      return answer(
        subscription,
        await written(publication.release(subscription)),
        'released: what is newest is served again',
      );
    },
    diff: (from, to, path) =>
      comparison.compare(namedGeneration(generations, from, null), namedGeneration(generations, to, null), path),
  };
}
