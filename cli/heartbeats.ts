import type { Clock } from '../base/clock.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Counter, Meter } from '../base/metrics.ts';
import type { Status } from '../base/status.ts';
import type { HubSession } from '../mirror/waystation/hub-session.ts';
import type { Heartbeat } from '../protocol/heartbeat.ts';
import type { Following } from './following.ts';
import { heartbeatOf } from './heartbeat-document.ts';
import type { ServedTotals } from './served-totals.ts';

export interface HeartbeatParts {
  readonly following: Following;
  readonly status: () => Promise<Status>;
  /** repomd digest of a path as a subscription serves it; null: it does not. */
  readonly rootOf: (subscription: string, path: string) => string | null;
  readonly totals: ServedTotals;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Milliseconds: until a hub that has said nothing yet is looked at again, for one to be taken, and between two tries. */
const usual = 30_000;
const within = 20_000;
const shortest = 1_000;
/** Milliseconds: what happens together is told together. */
const together = 300;

/** Tells hubs how this PoP does: now and then, and at once after a change. What fails is told with the next one. */
export class Heartbeats {
  readonly #parts: HeartbeatParts;
  readonly #sent: Counter;
  readonly #failed: Counter;
  readonly #started: number;
  readonly #ending = new AbortController();
  readonly #loops: Promise<void>[] = [];
  #hurry = new AbortController();

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
    this.#started = parts.clock.now();
    this.#sent = parts.meter.counter('heartbeats_total', 'Heartbeats that waystation hubs took');
    this.#failed = parts.meter.counter('heartbeats_failed_total', 'Heartbeats that no waystation hub took');
  }

  begin(): void {
    for (const session of this.#parts.following.sessions) {
      let known = session.assignment !== null;
      session.onNews(() => {
        // Who has just registered is heard of at once.
        if (!known && session.assignment !== null) this.hurry();
        known = session.assignment !== null;
      });
      this.#loops.push(this.#loop(session));
    }
  }

  /** Something may be as it was not: if it is, it is told now. */
  hurry(): void {
    this.#hurry.abort();
    this.#hurry = new AbortController();
  }

  async close(): Promise<void> {
    this.#ending.abort(new WaystationError('cancelled', 'the service is stopping'));
    await Promise.all(this.#loops);
  }

  async #loop(session: HubSession): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#ending;
    let due = clock.monotonic();
    let told = '';
    while (!signal.aborted) {
      const hurry = this.#hurry.signal;
      if (session.assignment !== null) {
        const document = await this.#document(session);
        const facts = document === null ? told : factsOf(document);
        if (document !== null && (facts !== told || clock.monotonic() >= due)) {
          if (await this.#beat(session, document)) told = facts;
          due = clock.monotonic() + session.assignment.heartbeat * 1000 * (0.9 + 0.2 * Math.random());
        }
      }
      const wait = session.assignment === null ? usual : Math.max(shortest, due - clock.monotonic());
      await clock.sleep(wait, AbortSignal.any([signal, hurry])).catch(() => {});
      if (hurry.aborted) await clock.sleep(together, signal).catch(() => {});
    }
  }

  /** null: how it does cannot be told now. */
  async #document(session: HubSession): Promise<Heartbeat | null> {
    const { following, status, totals, rootOf, clock, log } = this.#parts;
    try {
      const followed = following.followed.filter((each) => each.session === session);
      const times = { now: clock.now(), started: this.#started };
      return heartbeatOf({ status: await status(), followed, rootOf, traffic: totals.traffic, ...times });
    } catch (thrown) {
      log.warn({ reason: asWaystationError(thrown).message }, 'the hub cannot be told how this PoP does');
      return null;
    }
  }

  /** @returns whether the hub took it. */
  async #beat(session: HubSession, document: Heartbeat): Promise<boolean> {
    const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(within)]);
    try {
      await session.membership.api.heartbeat(document, signal);
      this.#sent.inc({});
      return true;
    } catch (thrown) {
      if (this.#ending.signal.aborted) return false;
      this.#failed.inc({});
      const { code, message } = asWaystationError(thrown);
      this.#parts.log.debug({ hub: session.url, code, reason: message }, 'a heartbeat was not taken');
      return false;
    }
  }
}

/** What a hub wants to hear of at once. */
function factsOf({ channels }: Heartbeat): string {
  return JSON.stringify(
    channels.map(({ channel, snapshot, generation, complete, errors }) => {
      const wrong = errors.map(({ code, path }) => [code, path]);
      return [channel, snapshot, generation, complete, wrong];
    }),
  );
}
