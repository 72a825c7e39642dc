import { setImmediate } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Guard } from '../../base/generation.ts';
import { silentLogger } from '../../base/log.ts';
import type { RepositoryStatus, RunStatus, SubscriptionStatus } from '../../base/status.ts';
import type { Discovery, HubClient, WantedRepository } from '../../mirror/discovery.ts';
import { ContentReader } from '../../mirror/content-reader.ts';
import { ensureNewest } from '../../mirror/newest-packages.ts';
import { nothingDenied, PackageFetcher } from '../../mirror/packages.ts';
import type { Denied } from '../../mirror/packages.ts';
import { anonymous } from '../../mirror/scope.ts';
import { TreeFileFetcher } from '../../mirror/tree-files.ts';
import { YumHub } from '../../mirror/yum-hub.ts';
import { RateSchedule } from '../../origin/rate-schedule.ts';
import type { RateLimit } from '../../origin/rate-schedule.ts';
import { nobody } from '../../runs/run-record.ts';
import type { SubscriptionOptions, SubscriptionParts } from '../../sync/subscription-options.ts';
import { SubscriptionSet } from '../../sync/subscriptions.ts';
import { FaultyOrigin, Gate, hang } from '../support/faulty-origin.ts';
import { MemoryGenerations } from '../support/memory-generations.ts';
import { MemorySink } from '../support/memory-sink.ts';
import { MemoryStored } from '../support/memory-stored.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { upstream } from '../support/upstream.ts';

export const refresh = 15 * 60_000;

/** A PoP's subscriptions over a real origin, with a clock that stands. What survives a restart is kept here. */
export class Bench {
  readonly origin: FaultyOrigin;
  readonly sink = new MemorySink();
  readonly store = new MemoryGenerations(this.sink);
  readonly stored = new MemoryStored(this.sink);
  readonly clock = new StandingClock();
  /** Who hears of runs. */
  runs = nobody;
  /** What was read again. The sink holds what it was given: there is nothing to find. */
  readonly proven: string[] = [];
  readonly proof: SubscriptionParts['proof'] = {
    metadata: async ({ path }) => void this.proven.push(`${path} metadata`),
    packages: async ({ path }) => void this.proven.push(`${path} packages`),
  };

  /** As configured. */
  limits: readonly RateLimit[] = [];
  /** What the hub wants not to be served. */
  denied: Denied = nothingDenied;
  /** Which packages are versions of what was served. */
  servedBefore: (href: string) => boolean = () => false;

  static async start(): Promise<Bench> {
    const origin = await FaultyOrigin.start();
    onTestFinished(() => origin.stop());
    return new Bench(origin);
  }

  private constructor(origin: FaultyOrigin) {
    this.origin = origin;
  }

  /** A repository of this origin, at the same path there and here. */
  wanted(path: string, changes: { guard?: Guard | null; scope?: string } = {}): WantedRepository {
    const supplier = upstream([`${this.origin.url}${path}/`]);
    return { path, content: 'rpm', name: null, guard: null, scope: 'open', supplier, ...changes };
  }

  /** A list of repositories in the configuration. */
  yum(paths: readonly string[], identity = anonymous): YumHub {
    return new YumHub(
      paths.map((path) => ({ path, url: this.origin.url, identity, supplier: this.wanted(path).supplier })),
    );
  }

  /** Opens subscriptions without beginning to poll; ends them with the test. */
  async open(...list: (Partial<SubscriptionOptions> & { readonly hub: HubClient })[]): Promise<SubscriptionSet> {
    const defaults = {
      name: 'vendor',
      policy: 'on-demand' as const,
      policyOf: () => 'on-demand' as const,
      flip: 'each' as const,
      refresh,
    };
    const options = list.map((one) => ({ ...defaults, trust: async () => null, access: () => null, ...one }));
    const { sink, store, clock } = this;
    const denied: Denied = (digest) => this.denied(digest);
    const reader = new ContentReader({ sink, clock, log: silentLogger });
    const packages = new PackageFetcher({
      sink,
      log: silentLogger,
      slots: 8,
      servedBefore: async () => this.servedBefore,
      denied,
    });
    const newest: SubscriptionParts['newest'] = (of, signal) =>
      ensureNewest({ sink, log: silentLogger, ...of, signal });
    const trees = new TreeFileFetcher({ sink, clock, log: silentLogger, denied });
    const { stored } = this;
    const rates: SubscriptionParts['rates'] = {
      pauses: true,
      pause: (now) => new RateSchedule(this.limits).pause(now),
      at: (now) => new RateSchedule(this.limits).at(now),
      millisecondsFor: (bytes, from) => new RateSchedule(this.limits).millisecondsFor(bytes, from),
    };
    const forecast = async (): Promise<null> => null;
    const { runs, proof } = this;
    const own = { stored, denied, forecast, rates, runs, proof };
    const parts = { store, reader, packages, trees, newest, ...own, clock, log: silentLogger, random: () => 0.5 };
    const set = await SubscriptionSet.open(options, parts);
    onTestFinished(() => set.stop());
    return set;
  }

  /** Opens and begins; resolves when the first run has asked for what hangs until the gate opens or the rule is removed. */
  async stalled(
    match: Parameters<FaultyOrigin['on']>[0],
    ...list: Parameters<Bench['open']>
  ): Promise<{ readonly set: SubscriptionSet; readonly gate: Gate; readonly rule: ReturnType<FaultyOrigin['on']> }> {
    const gate = new Gate();
    const rule = this.origin.on(match, hang(gate));
    const set = await this.open(...list);
    set.begin();
    await gate.reached;
    return { set, gate, rule };
  }

  /** Opens and begins, and waits until the first run is over. */
  async run(...list: Parameters<Bench['open']>): Promise<SubscriptionSet> {
    const set = await this.open(...list);
    const earlier = new Set(set.runs().map(({ id }) => id));
    const ended = (name: string): boolean =>
      set.runs().some((run) => run.subscription === name && run.finished !== null && !earlier.has(run.id));
    set.begin();
    await this.store.until(() => list.every(({ name = 'vendor' }) => ended(name)));
    return set;
  }
}

/** Lets everything happen that can without time passing or bytes arriving: for what must not happen. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate();
}

/** Asks for a run and waits for it. */
export async function synced(set: SubscriptionSet, name = 'vendor'): Promise<RunStatus> {
  return set.finished(set.start(name));
}

export async function statusOf(set: SubscriptionSet, name = 'vendor'): Promise<SubscriptionStatus> {
  const found = (await set.status()).find((status) => status.name === name);
  if (found === undefined) throw new Error(`no subscription ${name}`);
  return found;
}

export async function repositoryOf(set: SubscriptionSet, path: string, name = 'vendor'): Promise<RepositoryStatus> {
  const found = (await statusOf(set, name)).repositories.find((status) => status.path === path);
  if (found === undefined) throw new Error(`no repository ${path}`);
  return found;
}

/** A hub with a list of its own, which the test changes: what it shows, and that it fails. */
export class ListingHub implements HubClient {
  readonly type = 'listing';
  readonly url = 'https://hub.example.com/';
  readonly authoritative = false;
  list: readonly WantedRepository[];
  failure: Error | null = null;

  constructor(list: readonly WantedRepository[]) {
    this.list = list;
  }

  remembered(): readonly WantedRepository[] {
    return [];
  }

  async discover(): Promise<Discovery> {
    if (this.failure !== null) throw this.failure;
    return { hubVersion: null, repositories: this.list };
  }
}
