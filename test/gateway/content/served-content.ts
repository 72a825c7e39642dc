import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { silentMeter } from '../../../base/metrics.ts';
import type { Store } from '../../../cache/store.ts';
import { Content } from '../../../gateway/content/content.ts';
import { Exchanges } from '../../../gateway/content/exchange.ts';
import { Folders } from '../../../gateway/content/folders.ts';
import { HotLane } from '../../../gateway/content/hot-lane.ts';
import { ListedFiles } from '../../../gateway/content/listed.ts';
import type { ContentPorts } from '../../../gateway/content/ports.ts';
import { Targets } from '../../../gateway/content/target.ts';
import { TreeFiles } from '../../../gateway/content/tree-files.ts';
import { UnlistedFiles } from '../../../gateway/content/unlisted.ts';
import { contentListener } from '../../../gateway/gateway.ts';

/**
 * Serves what a store holds until the test ends.
 * @param remembered bytes of small files that are kept in memory. @param given ports that are not those of a PoP without
 * upstreams. @returns the base URL, without a slash at its end.
 */
export async function servedContent(
  store: Store,
  remembered: number,
  given: Partial<ContentPorts> = {},
): Promise<string> {
  const ports: ContentPorts = {
    supplier: () => null,
    access: () => null,
    pending: () => null,
    stale: () => false,
    denied: () => false,
    draining: () => false,
    ...given,
  };
  const hot = new HotLane(remembered);
  const exchanges = new Exchanges({ clock: systemClock, meter: silentMeter, log: () => {} });
  const listed = new ListedFiles({ store, ports, hot, exchanges });
  const unlisted = new UnlistedFiles({ store, ports, exchanges });
  const content = new Content({
    store,
    ports,
    targets: new Targets({ served: store.served, generations: store.generations, aliases: [] }),
    hot,
    listed,
    trees: new TreeFiles({ store, ports, clock: systemClock, listed, unlisted }),
    unlisted,
    folders: new Folders(store.served),
    repoFile: () => null,
    exchanges,
    log: silentLogger,
  });
  const server = createServer(contentListener({ exchanges, content, pages: () => {} })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
