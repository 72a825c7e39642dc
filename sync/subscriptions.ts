import { WaystationError } from '../base/errors.ts';
import type { SubscriptionPlan } from '../base/plan.ts';
import type { ContactState, GenerationStatus, RunStatus, SubscriptionStatus } from '../base/status.ts';
import type { Subscriptions } from '../base/subscriptions.ts';
import type { WantedRepository } from '../mirror/discovery.ts';
import type { ReadProgress } from '../mirror/progress.ts';
import { Admission } from './admission.ts';
import { generationList } from './generation-status.ts';
import { hubState } from './hub-contact.ts';
import { PathOwners } from './paths.ts';
import type { GenerationStore } from './store.ts';
import { Run } from './run.ts';
import { Subscription } from './subscription.ts';
import type { SubscriptionOptions, SubscriptionParts } from './subscription-options.ts';
import type { RepositoryStanding } from './subscription-status.ts';
import { repositoryStandings, subscriptionStatus } from './subscription-status.ts';

export type SubscriptionSetParts = Omit<SubscriptionParts, 'owners' | 'taken' | 'admission'>;

/** All subscriptions of a PoP. */
export class SubscriptionSet implements Subscriptions {
  readonly #subscriptions: ReadonlyMap<string, Subscription>;
  readonly #store: GenerationStore;

  /** Takes up where an earlier process ended, asking nobody: what was published before is known when it resolves. */
  static async open(list: readonly SubscriptionOptions[], parts: SubscriptionSetParts): Promise<SubscriptionSet> {
    const { store } = parts;
    const owners = new PathOwners();
    // What is served already has its path before any newcomer, whatever the order of the list.
    for (const { name } of list) {
      for (const path of Object.keys(store.newest(name)?.repositories ?? {})) owners.claim(path, name);
    }
    const taken = (id: string): boolean => list.some(({ name }) => store.kept(name).some((kept) => kept.id === id));
    const shared = { ...parts, owners, taken, admission: new Admission(parts.stored, parts.denied) };
    const subscriptions: Subscription[] = [];
    for (const options of list) subscriptions.push(await Subscription.open(options, shared));
    return new SubscriptionSet(subscriptions, store);
  }

  private constructor(subscriptions: readonly Subscription[], store: GenerationStore) {
    this.#subscriptions = new Map(subscriptions.map((subscription) => [subscription.options.name, subscription]));
    this.#store = store;
  }

  /** Begins to poll. */
  begin(): void {
    for (const subscription of this.#subscriptions.values()) subscription.begin();
  }

  /** Ends all work, finishing what is being published. */
  async stop(): Promise<void> {
    await Promise.all([...this.#subscriptions.values()].map((subscription) => subscription.stop()));
  }

  /** The upstream of a repository, null when the subscription's hub does not list it (any more, or yet). */
  upstream(subscription: string, path: string): WantedRepository | null {
    return this.#subscriptions.get(subscription)?.upstream(path) ?? null;
  }

  /** Paths of the repositories of packages that the subscription's hub lists and that it has, by name. */
  wanted(subscription: string): readonly string[] {
    const { roster } = this.#named(subscription);
    return roster.readable.flatMap(({ path, wanted }) => (wanted?.content === 'rpm' ? [path] : [])).toSorted();
  }

  /** What metrics are made of: cheap, and at any time. */
  contacts(): readonly {
    readonly name: string;
    readonly state: ContactState;
    readonly created: string | null;
    readonly rolledBack: boolean;
    /** Wall clock, milliseconds. */
    readonly succeeded: number | null;
  }[] {
    return [...this.#subscriptions.values()].map(({ options: { name }, contact, roster, succeeded }) => ({
      name,
      state: hubState(contact.discovery, roster.readable),
      created: this.#store.current(name)?.created ?? null,
      rolledBack: this.#store.rolledBackSince(name) !== null,
      succeeded,
    }));
  }

  /** Where every repository stands: cheap, and at any time. */
  repositories(): readonly RepositoryStanding[] {
    return [...this.#subscriptions.values()].flatMap((subscription) => repositoryStandings(subscription, this.#store));
  }

  async status(): Promise<readonly SubscriptionStatus[]> {
    const all = [...this.#subscriptions.values()];
    return Promise.all(all.map((subscription) => subscriptionStatus(subscription, this.#store)));
  }

  /** @throws WaystationError `unknown_subscription` */
  statusOf(name: string): Promise<SubscriptionStatus> {
    return subscriptionStatus(this.#named(name), this.#store);
  }

  async generations(subscription?: string): Promise<readonly GenerationStatus[]> {
    const names =
      subscription === undefined ? [...this.#subscriptions.keys()] : [this.#named(subscription).options.name];
    return generationList(this.#store, names);
  }

  runs(): readonly RunStatus[] {
    const all = [...this.#subscriptions.values()].flatMap(({ log }) => log.list());
    return all.toSorted((one, other) => Date.parse(other.started) - Date.parse(one.started));
  }

  run(id: string): RunStatus | null {
    const run = this.#ownerOf(id)?.log.find(id) ?? null;
    return run instanceof Run ? run.status() : run;
  }

  /** The runs that are under way or wait. */
  active(): readonly Run[] {
    return [...this.#subscriptions.values()].flatMap(({ log }) => log.active);
  }

  start(subscription: string, force: readonly string[] = []): string {
    return this.#named(subscription).request(force).id;
  }

  async cancel(id: string): Promise<boolean> {
    const owner = this.#ownerOf(id);
    if (owner === null) throw new WaystationError('not_found', `no run is called ${id}`);
    return (await owner.cancel(id)).length > 0;
  }

  /** Writes down how far runs are that are under way, for the process that may follow a kill. */
  noteProgress(): void {
    for (const subscription of this.#subscriptions.values()) subscription.noteProgress();
  }

  /** The names of all of them, in the order of the configuration. */
  get names(): readonly string[] {
    return [...this.#subscriptions.keys()];
  }

  /** As `Subscription.plan`. @throws WaystationError `unknown_subscription`; the signal's reason. */
  async plan(subscription: string, progress: ReadProgress, signal: AbortSignal): Promise<SubscriptionPlan> {
    return this.#named(subscription).plan(progress, signal);
  }

  async finished(id: string, signal?: AbortSignal): Promise<RunStatus> {
    const owner = this.#ownerOf(id);
    if (owner === null) throw new WaystationError('not_found', `no run is called ${id}`);
    return owner.log.wait(id, signal);
  }

  #ownerOf(id: string): Subscription | null {
    return [...this.#subscriptions.values()].find(({ log }) => log.find(id) !== null) ?? null;
  }

  #named(name: string): Subscription {
    const subscription = this.#subscriptions.get(name);
    if (subscription === undefined) {
      throw new WaystationError('unknown_subscription', `no subscription is called ${name}`);
    }
    return subscription;
  }
}
