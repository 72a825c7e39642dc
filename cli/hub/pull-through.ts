import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Meter } from '../../base/metrics.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { systemDisk } from '../../disk/disk.ts';
import { ListedFiles } from '../../hub/content/listed-files.ts';
import { PullThrough } from '../../hub/content/pull-through.ts';
import { StoreMaps } from '../../hub/content/store-maps.ts';
import { StoreSink } from '../../hub/content/store-sink.ts';
import type { Origins } from '../../hub/service/ports.ts';
import type { HubParts } from './hub-parts.ts';
import { RememberedOrigins } from './origin-sources.ts';

interface PullThroughOptions {
  readonly config: HubConfig;
  readonly hub: HubParts;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meter: Meter;
  readonly credentialsDirectory: string | null;
}

/** What `hub serve` gives PoPs that ask for files which the store does not have under their digest alone. */
export function openOrigins({ config, hub, clock, log, meter, ...rest }: PullThroughOptions): Origins & {
  close(): Promise<void>;
} {
  const { store, snapshots, origins } = hub;
  const maps = new StoreMaps({ store, disk: systemDisk, folder: join(config.state, 'maps') });
  const sources = new RememberedOrigins({ clock, log, meter, ...rest });
  const files = new ListedFiles({ snapshots, origins, maps, now: () => clock.monotonic() });
  const sink = new StoreSink({ store, maps });
  const through = new PullThrough({
    store,
    sink,
    files,
    sources,
    disk: systemDisk,
    folder: join(config.state, 'pulls'),
    log,
    meter,
  });
  return {
    open: (wanted, signal) => through.open(wanted, signal),
    close: async () => {
      await through.close();
      await sources.close();
      await maps.close();
    },
  };
}
