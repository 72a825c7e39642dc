import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { silentMeter } from '../../base/metrics.ts';
import { memoryNotes } from '../../cache/notes.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import { loadSources } from '../../config/hub/sources.ts';
import { systemDisk } from '../../disk/disk.ts';
import { originSource } from '../../hub/content/origins.ts';
import { StoreMaps } from '../../hub/content/store-maps.ts';
import { StoreSink } from '../../hub/content/store-sink.ts';
import { SnapshotMaker } from '../../hub/snapshots/create.ts';
import type { SnapshotSource } from '../../hub/snapshots/create.ts';
import { SnapshotRun } from '../../hub/snapshots/snapshot-run.ts';
import { Health } from '../../origin/health.ts';
import { RateSchedule } from '../../origin/rate-schedule.ts';
import { Traffic } from '../../origin/traffic.ts';
import { failureLines, progressLine } from '../commands/sync-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { subscriptionOptions } from '../subscription-options.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { terminalLog } from '../terminal-log.ts';
import { Upstreams } from '../upstreams.ts';
import { version } from '../version.ts';
import { localUser } from './local-user.ts';
import { openHub } from './hub-parts.ts';
import { snapshotText } from './snapshot-text.ts';

export interface SnapshotCreateRequest {
  readonly config: HubConfig;
  readonly name: string;
  /** File with the sources. */
  readonly from: string;
  readonly credentialsDirectory: string | null;
  readonly json: boolean;
}

/** Files on their way at a time, of one upstream and in all. */
const transfers = { perHub: 16, total: 32 };

/** `waystation hub snapshot create NAME --from FILE`: nothing is made unless all of it was had, and proven. */
export async function snapshotCreate(request: SnapshotCreateRequest, terminal: Terminal): Promise<number> {
  const { config, name, json } = request;
  const { policy, sources } = loadSources(request.from, request.credentialsDirectory);
  const parts = await openHub(config);
  const { store, snapshots, audit } = parts;
  await snapshots.find(name);
  const [clock, log, meter] = [systemClock, terminalLog(terminal), silentMeter];
  const health = new Health({ clock, log });
  const traffic = new Traffic({ rates: new RateSchedule([]), transfers, clock, meter });
  const upstreams = new Upstreams({ version, clock, log, health, traffic, notes: memoryNotes(), following: null });
  const maps = new StoreMaps({ store, disk: systemDisk, folder: join(config.state, 'maps') });
  const run = new SnapshotRun(name, clock);
  const ending = new AbortController();
  const stop = (): void => ending.abort(new WaystationError('cancelled', 'interrupted; run it again to go on'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const telling = setInterval(() => json || terminal.err(progressLine(run.status())), 1_000);
  try {
    run.begin();
    const maker = new SnapshotMaker({
      ...parts,
      sink: new StoreSink({ store, maps }),
      slots: transfers.perHub,
      clock,
      log,
    });
    const opened = sources.map(async (source): Promise<SnapshotSource> => {
      if ('snapshot' in source) return source;
      const { upstream, remembered } = source;
      const hub = await upstreams.hub(upstream);
      const { trust } = subscriptionOptions(upstream, hub);
      const entry = originSource.parse(JSON.parse(JSON.stringify(remembered)));
      return { discover: async (signal) => (await hub.discover(signal)).repositories, trust, remembered: entry };
    });
    const made = await maker.create({ name, policy, sources: await Promise.all(opened) }, run, ending.signal);
    run.end(made === null ? 'failed' : 'done');
    if (made?.made === true) await audit.note({ who: localUser(), what: 'snapshot.create', on: name });
    if (json)
      terminal.out(
        JSON.stringify({ snapshot: made?.snapshot ?? null, made: made?.made ?? false, run: run.status() }, null, 2),
      );
    else if (made !== null) terminal.out(snapshotText(made, run.fetched));
    for (const line of failureLines(run.status())) terminal.err(plainText(line));
    return made === null ? exitCodes.failed : exitCodes.ok;
  } finally {
    clearInterval(telling);
    process.off('SIGINT', stop).off('SIGTERM', stop);
    health.close(new WaystationError('cancelled', 'the command has ended'));
    await upstreams.close();
    await maps.close();
  }
}
