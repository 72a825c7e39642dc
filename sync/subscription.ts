import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { SubscriptionPlan } from '../base/plan.ts';
import type { WantedRepository } from '../mirror/discovery.ts';
import type { ReadProgress } from '../mirror/progress.ts';
import { undiscovered } from './hub-contact.ts';
import type { Member } from './member.ts';
import { Pass } from './pass.ts';
import { givenAway } from './paths.ts';
import { planSubscription } from './plan/planning.ts';
import { Publisher } from './publisher.ts';
import { Roster } from './roster.ts';
import { Run } from './run.ts';
import { RunLog } from './run-log.ts';
import type { Contact, SubscriptionOptions, SubscriptionParts } from './subscription-options.ts';
import type { SubscriptionNote } from './subscription-note.ts';
import { noteRuns, readNote, writeNote } from './subscription-note.ts';

/** Milliseconds: no timer of the platform takes much more than 24 days, nor for ever. */
const longestSleep = 24 * 60 * 60_000;

/**
 * One subscription: polls its hub and repositories, publishes what is proven, and tells how it stands.
 *
 * Each repository has its own time to be read: `refresh` after a success, sooner after a failure. Those that are due
 * together are one run. One that takes long does not keep the others from their next poll, unless they flip together.
 * A run that somebody asks for reads everything, and begins when no run is under way.
 */
export class Subscription {
  readonly options: SubscriptionOptions;
  readonly roster: Roster;
  readonly log: RunLog;
  readonly #parts: SubscriptionParts;
  readonly #pass: Pass;
  readonly #publisher: Publisher;
  readonly #ending: AbortController;
  readonly #underWay = new Map<Run, Promise<void>>();
  /** Wall clock: when a run ended after which nothing was wrong. */
  #succeeded: number | null;
  #planned: Run | null = null;
  #loop: Promise<void> | null = null;
  #wake = new AbortController();

  /** Takes up where an earlier process ended. Asks nobody yet. */
  static async open(options: SubscriptionOptions, parts: SubscriptionParts): Promise<Subscription> {
    return new Subscription(options, parts, await readNote(parts.store.notes, options.name));
  }

  private constructor(options: SubscriptionOptions, parts: SubscriptionParts, note: SubscriptionNote) {
    const { name: subscription, hub, flip } = options;
    const { store, clock, owners, taken } = parts;
    const ending = new AbortController();
    // Rolled back, what was published since is this subscription's as well.
    const current = () => store.current(subscription)?.repositories;
    const served = () => ({ ...current(), ...store.newest(subscription)?.repositories });
    const { authoritative } = hub;
    const roster = new Roster(
      { subscription, authoritative, owners, clock, served, notes: note.members },
      hub.remembered(),
    );
    const log = parts.log.child({ subscription });
    const publisher = new Publisher({
      subscription,
      store,
      clock,
      log,
      taken,
      signal: ending.signal,
      wanted: () => ({
        flip,
        authoritative,
        members: roster.flipMembers(),
        given: givenAway(subscription, Object.keys(served()), { owners, store }),
        hubVersion: pass.hubVersion,
      }),
    });
    const contact = { discovery: undiscovered, checked: note.checked, lastContact: note.lastContact };
    const pass: Pass = new Pass({
      options,
      parts: { ...parts, log },
      roster,
      publisher,
      contact,
      wake: () => this.#wake.abort(),
    });
    this.options = options;
    this.roster = roster;
    this.log = new RunLog(note.runs);
    this.#succeeded = note.succeeded ?? null;
    this.#parts = parts;
    this.#pass = pass;
    this.#publisher = publisher;
    this.#ending = ending;
  }

  get contact(): Contact {
    return this.#pass.contact;
  }

  /** The run that people want to hear of: the one asked for, else the newest. */
  get activeRun(): Run | null {
    const running = [...this.#underWay.keys()].filter(({ finished }) => !finished);
    return running.find(({ requested }) => requested) ?? running.at(-1) ?? null;
  }

  /** Wall clock, milliseconds: when the last run ended after which every repository was as its upstream shows it. */
  get succeeded(): number | null {
    return this.#succeeded;
  }

  /** Paths whose proven change waits for clients in the midst of the old one. */
  get waiting(): ReadonlySet<string> {
    return this.#publisher.waiting;
  }

  /** The upstream of a path by the hub's last list; null when that does not have it. */
  upstream(path: string): WantedRepository | null {
    const member = this.roster.get(path);
    return member?.takenBy === null ? member.wanted : null;
  }

  /** Begins to poll, at once. */
  begin(): void {
    if (this.#loop !== null) return;
    this.#loop = this.#poll();
    this.options.hub.watch?.((what) => this.#askHub(what === 'news'));
  }

  /**
   * Asks for a run that begins after this call; who asks before it has begun gets the same one. What waits for its next
   * try is tried at once, also beside a run that is under way.
   * @param force repositories of which not even what is held is believed.
   * @throws WaystationError `draining`; `not_found` when one of them is no repository of this subscription.
   */
  request(force: readonly string[] = []): Run {
    if (this.#ending.signal.aborted) throw new WaystationError('draining', 'the service is stopping');
    const unknown = force.find((path) => this.upstream(path) === null);
    if (unknown !== undefined)
      throw new WaystationError('not_found', `${unknown} is no repository of ${this.options.name}`);
    const run = this.#planned ?? this.#newRun(true);
    for (const path of force) run.force(path);
    if (this.#planned === null) {
      this.#planned = run;
      this.#noteUnderWay();
      if (this.activeRun !== null) this.#beginRetries();
      this.#wake.abort();
    }
    return run;
  }

  /**
   * Calls off one run, or all that are under way or wait. Everything that was fetched stays, and the next poll goes on
   * with it.
   * @returns the runs that end for it, once they have.
   */
  async cancel(id: string | null = null): Promise<readonly string[]> {
    const runs = this.log.active.filter((run) => (id === null || run.id === id) && run.cancel('requested'));
    const planned = runs.find((run) => run === this.#planned);
    if (planned !== undefined) {
      this.#planned = null;
      planned.end('cancelled');
      this.log.ended(planned, false);
      await this.#note();
      this.#wake.abort();
    }
    await Promise.all(runs.map(({ ended }) => ended));
    return runs.map((run) => run.id);
  }

  /** What a sync would do now. Changes nothing but that metadata is held which was not. @throws the signal's reason. */
  plan(progress: ReadProgress, signal: AbortSignal): Promise<SubscriptionPlan> {
    const { options, roster } = this;
    const recentRate = this.log.finished.find(({ rate }) => rate !== null && rate > 0)?.rate ?? null;
    const until = AbortSignal.any([signal, this.#ending.signal]);
    return planSubscription({ options, roster, parts: this.#parts, recentRate }, progress, until);
  }

  /** Ends all work; a generation that is being written is finished. Nothing that was fetched is lost. */
  async stop(): Promise<void> {
    this.#ending.abort(new WaystationError('cancelled', 'the service is stopping'));
    await this.#loop;
    await Promise.all(this.#underWay.values());
    await this.#publisher.idle();
    if (this.#planned === null) return;
    this.#planned.end('cancelled', 'stopping');
    this.log.ended(this.#planned, false);
    this.#planned = null;
    await this.#note();
  }

  /** What is under way of what the hub wanted before is called off, unless somebody waits for it. */
  #askHub(hasNews: boolean): void {
    if (this.#ending.signal.aborted) return;
    this.#pass.discoverNow();
    for (const run of hasNews ? this.#underWay.keys() : [])
      if (!run.requested && !run.finished) run.cancel('superseded');
    this.#wake.abort();
  }

  async #poll(): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      if (this.#planned === null) this.#beginDue();
      else if (this.#underWay.size === 0) this.#beginPlanned(this.#planned);
      const wait = Math.min(Math.max(0, this.#nextDue() - clock.monotonic()), longestSleep);
      const until = AbortSignal.any([signal, this.#wake.signal]);
      // Woken or ended: either way the loop looks again.
      await clock.sleep(wait, until).catch(() => {});
    }
  }

  #beginPlanned(run: Run): void {
    this.#planned = null;
    this.#run(run, this.roster.readable, true);
  }

  /** Those that failed and wait for their next try, now. */
  #beginRetries(): void {
    if (this.options.flip === 'together') return;
    const failed = this.roster.readable.filter(({ failure, reading }) => failure !== null && !reading);
    if (failed.length > 0) this.#run(this.#newRun(false), failed, false);
  }

  #beginDue(): void {
    if (this.options.flip === 'together' && this.#underWay.size > 0) return;
    const now = this.#parts.clock.monotonic();
    const idle = this.roster.readable.filter(({ reading }) => !reading);
    const due = idle.filter(({ due: time }) => time <= now);
    const discover = this.#pass.due <= now;
    if (due.length === 0 && !discover) return;
    const members = this.options.flip === 'together' ? idle : due;
    this.#run(this.#newRun(false), members, discover);
  }

  /** Monotonic time at which the loop has something to do of its own accord. */
  #nextDue(): number {
    // What ends wakes the loop; until then these begin nothing.
    if (this.#planned !== null || (this.options.flip === 'together' && this.#underWay.size > 0)) return Infinity;
    const idle = this.roster.readable.filter(({ reading }) => !reading);
    return Math.min(this.#pass.due, ...idle.map(({ due }) => due));
  }

  #newRun(requested: boolean): Run {
    const run = new Run({
      subscription: this.options.name,
      kind: this.options.policy,
      requested,
      clock: this.#parts.clock,
      observer: this.#parts.runs,
      pause: () => this.#parts.rates.pause(this.#parts.clock.now()),
    });
    this.log.add(run);
    return run;
  }

  #run(run: Run, members: readonly Member[], discover: boolean): void {
    const signal = AbortSignal.any([this.#ending.signal, run.cancelled]);
    const ended = this.#pass
      .run(run, members, discover, signal)
      .then(async ({ published }) => {
        this.log.ended(run, published);
        if (run.state === 'done' && this.roster.isComplete) this.#succeeded = this.#parts.clock.now();
        await this.#note();
      })
      .catch((thrown: unknown) => {
        this.#parts.log.error({ subscription: this.options.name, err: asWaystationError(thrown) }, 'a run broke');
      })
      .finally(() => {
        this.#underWay.delete(run);
        this.#wake.abort();
      });
    this.#underWay.set(run, ended);
    this.#noteUnderWay();
  }

  async #note(): Promise<void> {
    const { checked, lastContact } = this.contact;
    await writeNote(this.#parts.store.notes, this.options.name, {
      format: 1,
      checked,
      lastContact,
      succeeded: this.#succeeded,
      members: this.roster.notes(),
      runs: this.log.finished,
    });
  }

  /** Writes down how far the runs are that are under way: what is known of them should the process be killed. */
  noteProgress(): void {
    if (this.log.active.length > 0) this.#noteUnderWay();
  }

  /** The disk may refuse a note; the run goes on. */
  #noteUnderWay(): void {
    const runs = this.log.active.map((run) => run.status());
    const { store, clock } = this.#parts;
    void noteRuns(store.notes, this.options.name, clock.now(), runs).catch(() => {});
  }
}
