import type { Clock } from '../../base/clock.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Heartbeat } from '../../protocol/heartbeat.ts';
import type { PopCredentials, RegistrationRequest } from '../../protocol/registration.ts';
import { Audit } from '../audit/audit.ts';
import { Channels } from '../channels/channels.ts';
import type { Authority } from '../keys/authority.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import type { Fleet, FleetReport, Pop } from '../service/ports.ts';
import { keysOf } from '../store/layout.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { Assignments } from './assignments.ts';
import type { Answered } from './assignments.ts';
import { Heartbeats } from './heartbeats.ts';
import { HubView } from './hub-view.ts';
import { Identification } from './identification.ts';
import { PopCertificates } from './pop-certificates.ts';
import { PopNames } from './pop-names.ts';
import { PopRecords } from './pop-records.ts';
import { Registration } from './registration.ts';
import type { FleetStanding } from './standing.ts';
import { Standings } from './standings.ts';
import { Tokens } from './tokens.ts';

/** Milliseconds between two looks at what assignments are made of: a promotion is on its way after that. */
const pace = 500;
/** Looks between two at the labels of PoPs, which change rarely and are many. */
const looksForLabels = 10;
/** And between two at whether channels have to be said again: that has weeks. */
const looksForRenewal = 1_200;

export interface HubFleetOptions {
  readonly store: ObjectStore;
  readonly authority: Authority;
  readonly keys: SigningKeys;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds for which a certificate of a PoP counts. */
  readonly certificateLife: number;
}

/** The PoPs of a hub, as its service sees them. Started once, closed once. */
export class HubFleet implements Fleet, FleetReport {
  readonly #store: ObjectStore;
  readonly #keys: SigningKeys;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #pops: PopRecords;
  readonly #identification: Identification;
  readonly #registration: Registration;
  readonly #view: HubView;
  readonly #assignments: Assignments;
  readonly #heartbeats: Heartbeats;
  readonly #standings: Standings;
  readonly #listeners = new Set<() => void>();
  readonly #closing = new AbortController();
  #watching: Promise<void> | null = null;
  #labels: string | null = null;

  constructor({ store, authority, keys, clock, log, certificateLife }: HubFleetOptions) {
    const pops = new PopRecords({ store, clock, log });
    this.#store = store;
    this.#keys = keys;
    this.#clock = clock;
    this.#log = log;
    this.#pops = pops;
    this.#identification = new Identification({ authority: authority.certificate, pops, clock });
    this.#registration = new Registration({
      tokens: new Tokens({ store, pops, clock }),
      names: new PopNames({ store, pops, clock }),
      pops,
      certificates: new PopCertificates({ authority, keys, clock, life: certificateLife }),
      audit: new Audit({ store, clock }),
      clock,
    });
    this.#view = new HubView({ store, keys, clock, log });
    this.#assignments = new Assignments({ store, keys, clock });
    this.#heartbeats = new Heartbeats({ store, clock });
    this.#standings = new Standings({ pops, heartbeats: this.#heartbeats, view: this.#view, clock });
  }

  /** Begins to look for changes in the store, until `close`. */
  start(): void {
    this.#watching ??= this.#watch();
  }

  async close(): Promise<void> {
    this.#closing.abort(new WaystationError('cancelled', 'the hub stops'));
    await this.#watching;
    await this.#heartbeats.flush(true);
  }

  async identify(certificate: Buffer, options: { readonly renewing: boolean }): Promise<Pop> {
    const { id, name, labels } = await this.#identification.identify(certificate, options);
    return { id, name, labels };
  }

  register(
    request: RegistrationRequest,
    from: { readonly address: string },
  ): Promise<{ readonly credentials: PopCredentials; readonly isNew: boolean }> {
    return this.#registration.register(request, from);
  }

  renew({ id }: Pop, csr: string): Promise<PopCredentials> {
    return this.#registration.renew(id, csr);
  }

  async assignment({ id }: Pop): Promise<Answered> {
    // Labels as they are now: the request may have waited for a change of them.
    const pop = await this.#pops.known(id);
    if (pop === null || pop.revoked !== null)
      throw new WaystationError('certificate_refused', 'this PoP is not registered any more');
    // As the store has it now: who asks after a promotion that has returned hears of it.
    return this.#assignments.of(pop, await this.#view.look().catch(() => this.#view.state()));
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async heartbeat({ id }: Pop, document: Heartbeat): Promise<void> {
    const { channels } = await this.#view.state();
    const pointed = [...channels].map(([name, channel]) => [name, channel.document.snapshot] as const);
    await this.#heartbeats.keep(id, document, new Map(pointed));
  }

  /** How all of them stand, worst first. */
  pops(): Promise<readonly FleetStanding[]> {
    return this.#standings.pops();
  }

  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    let told: number | null = null;
    for (let look = 0; !signal.aborted; look += 1) {
      try {
        // Requests look, too: what they saw has to be told to those that wait.
        told ??= (await this.#view.state()).number;
        const { number } = await this.#view.look();
        const isMoved = number !== told;
        told = number;
        const isLabelled = look % looksForLabels === 0 && (await this.#haveLabelsChanged());
        if (isMoved || isLabelled) for (const listener of this.#listeners) listener();
        await this.#heartbeats.flush();
        if (look % looksForRenewal === 0) await this.#renewChannels();
      } catch (error) {
        const { code, message } = asWaystationError(error);
        this.#log.error({ code, error: message }, 'the store cannot be looked at');
      }
      await this.#clock.sleep(pace, signal).catch(() => {});
    }
  }

  async #renewChannels(): Promise<void> {
    const { epoch, channels: all } = await this.#view.state();
    const channels = new Channels({ store: this.#store, keys: this.#keys, clock: this.#clock, epoch });
    for (const channel of all.keys()) {
      const { sequence, expires } = (await channels.renew(channel)) ?? {};
      if (sequence !== undefined) this.#log.info({ channel, sequence, expires }, 'a channel was said again');
    }
  }

  async #haveLabelsChanged(): Promise<boolean> {
    const seen: string[] = [];
    for await (const { key, written } of this.#store.list(keysOf.pops)) seen.push(`${key} ${written}`);
    const [before, now] = [this.#labels, seen.join('\n')];
    this.#labels = now;
    return before !== null && before !== now;
  }
}
