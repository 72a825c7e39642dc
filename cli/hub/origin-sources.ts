import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Meter } from '../../base/metrics.ts';
import { memoryNotes } from '../../cache/notes.ts';
import { rememberedUpstream } from '../../config/hub/source-entry.ts';
import type { OriginSource } from '../../hub/content/origins.ts';
import type { OriginSources } from '../../hub/content/pull-through.ts';
import type { HubClient, WantedRepository } from '../../mirror/discovery.ts';
import { Health } from '../../origin/health.ts';
import { RateSchedule } from '../../origin/rate-schedule.ts';
import { Traffic } from '../../origin/traffic.ts';
import { Upstreams } from '../upstreams.ts';
import { version } from '../version.ts';

/** Files on their way at a time, of one upstream and in all, that nobody waits for. */
const transfers = { perHub: 8, total: 16 };
/** What an upstream listed is believed for so long; one that a path is missing from is asked again sooner. Milliseconds. */
const listed = { found: 5 * 60_000, missing: 15_000 };

interface Opened {
  readonly hub: Promise<HubClient>;
  list: { readonly at: number; readonly repositories: Promise<readonly WantedRepository[]> } | null;
}

/** The upstreams that snapshots remember, opened when they are first needed; their secrets are read when used. */
export class RememberedOrigins implements OriginSources {
  readonly #parts: { readonly clock: Clock; readonly credentialsDirectory: string | null };
  readonly #health: Health;
  readonly #upstreams: Upstreams;
  readonly #opened = new Map<string, Opened>();

  constructor(parts: {
    readonly clock: Clock;
    readonly log: Logger;
    readonly meter: Meter;
    readonly credentialsDirectory: string | null;
  }) {
    const { clock, log, meter } = parts;
    this.#parts = parts;
    this.#health = new Health({ clock, log });
    const traffic = new Traffic({ rates: new RateSchedule([]), transfers, clock, meter });
    this.#upstreams = new Upstreams({
      version,
      clock,
      log,
      health: this.#health,
      traffic,
      notes: memoryNotes(),
      following: null,
    });
  }

  async repository(source: OriginSource, path: string, signal: AbortSignal): Promise<WantedRepository | null> {
    const opened = this.#open(source);
    const age = (): number => this.#parts.clock.monotonic() - (opened.list?.at ?? -Infinity);
    if (age() > listed.found) this.#list(opened, signal);
    const found = await here(opened, path);
    if (found !== null || age() < listed.missing) return found;
    this.#list(opened, signal);
    return here(opened, path);
  }

  async close(): Promise<void> {
    this.#health.close(new WaystationError('cancelled', 'the hub is stopping'));
    await this.#upstreams.close();
  }

  #open(source: OriginSource): Opened {
    const key = JSON.stringify(source);
    const known = this.#opened.get(key);
    if (known !== undefined) return known;
    const upstream = rememberedUpstream(source, this.#parts.credentialsDirectory);
    if (upstream === null)
      throw new WaystationError('store_damaged', 'an origin is remembered that this version cannot read');
    const opened: Opened = { hub: this.#upstreams.hub(upstream), list: null };
    this.#opened.set(key, opened);
    opened.hub.catch(() => this.#opened.delete(key));
    return opened;
  }

  #list(opened: Opened, signal: AbortSignal): void {
    const repositories = opened.hub.then(async (hub) => (await hub.discover(signal)).repositories);
    const list = { at: this.#parts.clock.monotonic(), repositories };
    opened.list = list;
    repositories.catch(() => {
      if (opened.list === list) opened.list = null;
    });
  }
}

async function here({ list }: Opened, path: string): Promise<WantedRepository | null> {
  return (await list?.repositories)?.find((each) => each.path === path) ?? null;
}
