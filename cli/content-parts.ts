import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Store } from '../cache/store.ts';
import type { Config } from '../config/config.ts';
import { Content } from '../gateway/content/content.ts';
import type { Exchanges } from '../gateway/content/exchange.ts';
import { Folders } from '../gateway/content/folders.ts';
import { HotLane } from '../gateway/content/hot-lane.ts';
import { ListedFiles } from '../gateway/content/listed.ts';
import type { ContentPorts } from '../gateway/content/ports.ts';
import { Targets } from '../gateway/content/target.ts';
import { TreeFiles } from '../gateway/content/tree-files.ts';
import { UnlistedFiles } from '../gateway/content/unlisted.ts';
import { repoTextOf } from '../gateway/page/repo-text.ts';
import type { ServedCatalog } from './catalog.ts';

/** Bytes of small bodies kept in memory. */
const hotBytes = 64 * 1024 * 1024;

/** What a request for content meets, in its order. */
export function contentParts(parts: {
  readonly config: Config;
  readonly store: Store;
  readonly ports: ContentPorts;
  readonly exchanges: Exchanges;
  readonly catalog: ServedCatalog;
  readonly clock: Clock;
  readonly log: Logger;
}): { readonly content: Content; readonly targets: Targets } {
  const { config, store, ports, exchanges, catalog, clock, log } = parts;
  const targets = new Targets({ served: store.served, generations: store.generations, aliases: config.aliases });
  const hot = new HotLane(hotBytes);
  const listed = new ListedFiles({ store, ports, hot, exchanges });
  const unlisted = new UnlistedFiles({ store, ports, exchanges });
  const content = new Content({
    store,
    ports,
    targets,
    hot,
    listed,
    trees: new TreeFiles({ store, ports, clock, listed, unlisted }),
    unlisted,
    folders: new Folders(store.served),
    repoFile: (repository) => repoTextOf(catalog, repository),
    exchanges,
    log,
  });
  return { content, targets };
}
