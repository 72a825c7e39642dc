import { systemClock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { GenerationStatus } from '../../base/status.ts';
import type { Store } from '../../cache/store.ts';
import type { Config } from '../../config/config.ts';
import type { GenerationControl, Pinning, Switched } from '../../gateway/admin/ports.ts';
import { generationList } from '../../sync/generation-status.ts';
import { exitCodes } from '../exit-codes.ts';
import { generationControl } from '../generation-control.ts';
import { onState } from '../offline-store.ts';
import type { Terminal } from '../terminal.ts';
import { terminalLog } from '../terminal-log.ts';
import { generationsText, pinningText, switchedText } from './generations-text.ts';

interface Asked {
  readonly config: Config;
  readonly json: boolean;
}

/** `waystation generations [SUBSCRIPTION]`: what is kept, by the running service or from the state directory. */
export async function generations(
  { config, json, subscription }: Asked & { readonly subscription: string | undefined },
  terminal: Terminal,
): Promise<number> {
  const query = subscription === undefined ? '' : `?subscription=${encodeURIComponent(subscription)}`;
  const document = await onState(config, terminalLog(terminal), {
    online: async (client) =>
      (await client.get(`/api/v1/generations${query}`)) as { readonly generations: readonly GenerationStatus[] },
    offline: async (store) => {
      const names = namesAsked(config, subscription);
      // What is held is counted first.
      await store.recovered;
      const { generations: kept } = store;
      const reader = {
        current: (name: string) => kept.current(name),
        kept: (name: string) => kept.kept(name),
        rolledBackSince: (name: string) => kept.rolledBackSince(name),
        pins: () => kept.pins(),
        holdings: (path: string, repository: RepositoryDocument) => store.holdings(path, repository),
      };
      return { generations: await generationList(reader, names) };
    },
  });
  if (json) terminal.out(JSON.stringify(document, null, 2));
  else terminal.out(generationsText(document.generations, systemClock.now(), terminal.paint));
  return exitCodes.ok;
}

function namesAsked(config: Config, subscription: string | undefined): readonly string[] {
  const names = config.subscriptions.map(({ name }) => name);
  if (subscription === undefined) return names;
  if (names.includes(subscription)) return [subscription];
  throw new WaystationError('unknown_subscription', `no subscription is called ${subscription}`);
}

/** `waystation pin|unpin GENERATION`. Succeeds also when it is so already. */
export async function pin(
  { config, json, generation, pinned }: Asked & { readonly generation: string; readonly pinned: boolean },
  terminal: Terminal,
): Promise<number> {
  const verb = pinned ? 'pin' : 'unpin';
  const done = await onState(config, terminalLog(terminal), {
    online: async (client) =>
      (await client.post(`/api/v1/generations/${encodeURIComponent(generation)}/${verb}`, {})) as Pinning,
    offline: (store) => controlOf(config, store).setPinned(generation, pinned),
  });
  terminal.out(json ? JSON.stringify(done, null, 2) : pinningText(done));
  return exitCodes.ok;
}

/** `waystation rollback SUBSCRIPTION [GENERATION]`. Returns when it is durable and served. */
export async function rollback(
  {
    config,
    json,
    subscription,
    generation,
  }: Asked & { readonly subscription: string; readonly generation: string | null },
  terminal: Terminal,
): Promise<number> {
  const path = `/api/v1/subscriptions/${encodeURIComponent(subscription)}/rollback`;
  const done = await onState(config, terminalLog(terminal), {
    online: async (client) => (await client.post(path, generation === null ? {} : { generation })) as Switched,
    offline: (store) => controlOf(config, store).rollback(subscription, generation),
  });
  terminal.out(json ? JSON.stringify(done, null, 2) : switchedText(done));
  return exitCodes.ok;
}

/** `waystation release SUBSCRIPTION`: ends a rollback. Succeeds also when there is none. */
export async function release(
  { config, json, subscription }: Asked & { readonly subscription: string },
  terminal: Terminal,
): Promise<number> {
  const path = `/api/v1/subscriptions/${encodeURIComponent(subscription)}/release`;
  const done = await onState(config, terminalLog(terminal), {
    online: async (client) => (await client.post(path, {})) as Switched,
    offline: (store) => controlOf(config, store).release(subscription),
  });
  terminal.out(json ? JSON.stringify(done, null, 2) : switchedText(done));
  return exitCodes.ok;
}

/** What the service would do, here: the command says itself what came of it, and there are no pages. */
export function controlOf(config: Config, store: Store): GenerationControl {
  return generationControl({ config, store, log: silentLogger, switched: () => Promise.resolve() });
}
