import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { AssignmentDocument } from '../../protocol/assignment.ts';
import type { ChannelDocument } from '../../protocol/channel.ts';
import { believe } from './beliefs.ts';
import type { Believed } from './beliefs.ts';
import type { IdentityFolder } from './identity-folder.ts';
import { Membership } from './membership.ts';
import type { MembershipOptions } from './membership.ts';

export interface HubSessionOptions extends MembershipOptions {
  /** In [0, 1), for jitter; default Math.random. */
  readonly random?: () => number;
}

/** Seconds that the hub may take until something changes. */
const wait = 30;
/** Milliseconds: before the second, third, … question in a row that failed; the last one before all that follow. */
const pauses = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000] as const;

type Waiting = ReturnType<typeof Promise.withResolvers<void>>;

/**
 * The contact with one hub, for all subscriptions that follow it: asks what it wants of this PoP, one question at a
 * time, and believes what docs/hub-protocol.md says. What was believed last outlives the process.
 */
export class HubSession {
  readonly url: string;
  readonly membership: Membership;
  readonly #folder: IdentityFolder;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #random: () => number;
  readonly #ending = new AbortController();
  readonly #listeners = new Set<() => void>();
  #loop: Promise<void> = Promise.resolve();
  #begun = false;
  #believed: Believed | null = null;
  #etag: string | null = null;
  #error: WaystationError | null = null;
  #saidExpired = false;
  #denied: ReadonlySet<Digest> = new Set();
  /** Who waits for the answer to a question that has not begun yet. */
  #waiting: Waiting[] = [];
  /** Ends a pause, or a question that waits for news. */
  #hurry = new AbortController();

  /** With what an earlier process believed; asks nobody yet. */
  static async open(options: HubSessionOptions): Promise<HubSession> {
    const session = new HubSession(options);
    await session.#recall();
    return session;
  }

  private constructor(options: HubSessionOptions) {
    this.url = options.url;
    this.membership = new Membership(options);
    this.#folder = options.folder;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#random = options.random ?? Math.random;
  }

  /** What the hub wants of this PoP, as it was believed last; null: nothing was. */
  get assignment(): AssignmentDocument | null {
    return this.#believed?.assignment ?? null;
  }

  /** Files that must not be served, as metadata lists them. */
  get denied(): ReadonlySet<Digest> {
    return this.#denied;
  }

  /** Why the last question got no answer that is believed; null: it did. */
  get error(): WaystationError | null {
    return this.#error;
  }

  /** What a channel says. @throws WaystationError `channel_not_assigned`, or why it is refused. */
  channel(name: string): ChannelDocument {
    const { assignment, channels } = this.#believed ?? {};
    if (assignment === undefined)
      throw this.#error ?? new WaystationError('not_registered', `${this.url} has said nothing yet`);
    if (!assignment.channels.includes(name))
      throw new WaystationError('channel_not_assigned', `the hub does not let this PoP follow the channel ${name}`);
    const channel = channels?.get(name);
    if (channel === undefined) throw new WaystationError('channel_not_assigned', `the hub has no channel ${name} yet`);
    if (channel instanceof WaystationError) throw channel;
    return channel;
  }

  /** Milliseconds since the epoch: when what is said of a channel has to be heard again; null: nothing is. */
  expires(channel: string): number | null {
    const said = this.#believed?.channels.get(channel);
    if (this.#believed === null || said === undefined || said instanceof WaystationError) return null;
    return Math.min(Date.parse(this.#believed.assignment.expires), Date.parse(said.expires));
  }

  /** Told of everything that may be of interest. @returns ends it. */
  onNews(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins to ask. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#loop = this.#follow();
  }

  /** Asks now. @throws WaystationError why there is no answer that is believed; the signal's reason. */
  async refresh(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.begin();
    const answered = Promise.withResolvers<void>();
    const stop = (): void => answered.reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    this.#waiting.push(answered);
    this.#hurry.abort();
    await answered.promise.finally(() => signal.removeEventListener('abort', stop));
  }

  async close(): Promise<void> {
    this.#ending.abort(new WaystationError('cancelled', 'the service is stopping'));
    await this.#loop;
    await this.membership.close();
  }

  async #recall(): Promise<void> {
    try {
      await this.membership.reload();
      const [identity, answer] = [this.membership.current, await this.#folder.assignment()];
      if (identity !== null && answer !== null) this.#take(await believe(answer, identity, null));
    } catch (thrown) {
      const { code, message } = asWaystationError(thrown);
      this.#log.warn({ hub: this.url, code, reason: message }, 'what the hub said before the restart is not believed');
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    for (let failures = 0; !signal.aborted;) {
      this.#hurry = new AbortController();
      const waiting = this.#waiting.splice(0);
      this.#sayExpired();
      try {
        await this.#ask(waiting.length === 0 && failures === 0 && this.#etag !== null ? wait : 0, signal);
        failures = 0;
        this.#succeeded();
        for (const { resolve } of waiting) resolve();
      } catch (thrown) {
        // Somebody wants an answer now; those that wait are asked for in the next round.
        if (this.#hurry.signal.aborted && !signal.aborted && waiting.length === 0) continue;
        const error = asWaystationError(signal.aborted ? signal.reason : thrown);
        for (const { reject } of waiting) reject(error);
        if (signal.aborted) break;
        this.#failed(error);
        await this.#pause(failures, error);
        failures += 1;
      }
    }
    for (const { reject } of this.#waiting.splice(0)) reject(signal.reason);
  }

  /** One question, and what there is to do before it. */
  async #ask(seconds: number, signal: AbortSignal): Promise<void> {
    const { membership } = this;
    await membership.ensure(signal);
    await membership.renewIfDue(signal);
    // Who waits for news can be called away from it at any time; who has asked for good gets to the end.
    const until = seconds === 0 ? signal : AbortSignal.any([signal, this.#hurry.signal]);
    try {
      const { answer, etag } = await membership.api.assignment(this.#etag, seconds, until);
      if (answer === null) return;
      const identity = membership.need();
      const believed = await believe(answer, identity, await this.#folder.seen());
      await this.#folder.keepSeen(believed.seen);
      await this.#folder.keepAssignment(answer);
      const { keys, epoch } = believed.assignment;
      await membership.learn({ keys, epoch });
      this.#etag = etag;
      // Before anybody hears of it: who is told of news may ask what is wrong.
      this.#succeeded();
      this.#take(believed);
    } catch (thrown) {
      if (asWaystationError(thrown).code !== 'certificate_refused' || !(await membership.readmit(signal))) throw thrown;
      this.#etag = null;
      await this.#ask(0, signal);
    }
  }

  #take(believed: Believed): void {
    this.#believed = believed;
    const { deny } = believed.assignment;
    const isSame = deny.length === this.#denied.size && deny.every((digest) => this.#denied.has(digest));
    // The same object as long as it says the same: who remembers answers has to forget them only for others.
    if (!isSame) this.#denied = new Set(deny);
    for (const listener of this.#listeners) listener();
  }

  /** Once, when what was said last has to be heard again and was not; and once when it was. */
  #sayExpired(): void {
    const expires = this.#believed?.assignment.expires;
    const isExpired = expires !== undefined && this.membership.api.now() > Date.parse(expires);
    if (isExpired && !this.#saidExpired)
      this.#log.warn({ hub: this.url, expires }, 'what the hub said last has expired: it is served on');
    this.#saidExpired = isExpired;
  }

  #succeeded(): void {
    if (this.#error !== null) this.#log.info({ hub: this.url }, 'the hub answers again');
    this.#error = null;
  }

  #failed(error: WaystationError): void {
    const { code, message } = error;
    const fields = { hub: this.url, code, reason: message };
    // Once a row: the retries of a long outage would bury everything else.
    if (this.#error?.code === code) this.#log.debug(fields, 'the hub still says nothing that is believed');
    else this.#log.warn(fields, 'the hub says nothing that is believed');
    this.#error = error;
    this.#etag = null;
    for (const listener of this.#listeners) listener();
  }

  async #pause(failures: number, error: WaystationError): Promise<void> {
    const own = pauses[Math.min(failures, pauses.length - 1)] ?? 0;
    const longest = Math.max(own, (error.retryAfter ?? 0) * 1000) * (0.9 + 0.2 * this.#random());
    const until = AbortSignal.any([this.#ending.signal, this.#hurry.signal]);
    // Whoever is nobody yet looks often whether `register` has been run.
    const step = this.membership.current === null ? 1_000 : longest;
    for (let left = longest; left > 0; left -= step) {
      await this.#clock.sleep(Math.min(step, left), until).catch(() => {});
      if (until.aborted) return;
      if (this.membership.current === null && (await this.#folder.stamp()) !== this.membership.stamp) return;
    }
  }
}
