import { X509Certificate } from 'node:crypto';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { anonymousIdentity } from '../../origin/identity.ts';
import type { Identity } from '../../origin/identity.ts';
import { parseToken } from '../../protocol/token.ts';
import { certificateRequest } from './certificate-request.ts';
import { HubApi } from './hub-api.ts';
import type { IdentityFolder, PopIdentity } from './identity-folder.ts';
import { fingerprint, register, requireOurs } from './registration.ts';
import type { HubAddress } from './registration.ts';

export interface MembershipOptions extends HubAddress {
  readonly folder: IdentityFolder;
  /** Reads the registration token; null: none is configured. */
  readonly token: (() => Promise<string>) | null;
  /** How this PoP would like to be called. */
  readonly name: string;
  readonly log: Logger;
}

/** Milliseconds between two tries of a renewal that failed: an hour, less for short lives. */
const longestPause = 60 * 60_000;
const shortestPause = 5_000;

/**
 * Who this PoP is at its hub: registers by the configured token when it is nobody, takes notice of what `register` left
 * while the service runs, and renews its certificate.
 */
export class Membership {
  /** Over the connections of the identity that counts now. */
  readonly api: HubApi;
  /** The same, for other clients of the hub. */
  readonly identity: Identity;
  readonly #options: MembershipOptions;
  #current: PopIdentity | null = null;
  #stamp = '';
  /** Monotonic. */
  #nextRenewal = Number.NEGATIVE_INFINITY;
  #renewalError: WaystationError | null = null;

  constructor(options: MembershipOptions) {
    const { url, proxy, noProxy } = options;
    const part = (of: (identity: PopIdentity) => string) => async (): Promise<string> => of(this.need());
    this.#options = options;
    this.identity = {
      ...anonymousIdentity([url]),
      tls: {
        ca: part(({ authority }) => authority),
        cert: part(({ certificate }) => certificate),
        key: part(({ key }) => key),
      },
      proxy,
      noProxy,
    };
    this.api = new HubApi({ ...options, identity: this.identity });
  }

  get current(): PopIdentity | null {
    return this.#current;
  }

  /** What the folder was when it was looked at last. */
  get stamp(): string {
    return this.#stamp;
  }

  /** Why the last renewal failed; null: it did not. */
  get renewalError(): WaystationError | null {
    return this.#renewalError;
  }

  /** Milliseconds since the epoch; null: there is no certificate. */
  get certificateEnds(): number | null {
    return this.#current === null ? null : Date.parse(new X509Certificate(this.#current.certificate).validTo);
  }

  /** @throws WaystationError `not_registered` */
  need(): PopIdentity {
    if (this.#current !== null) return this.#current;
    throw new WaystationError('not_registered', `this PoP is not registered at ${this.#options.url}`);
  }

  /** Takes over what is in the folder, if that changed. @throws WaystationError `secret_unreadable` */
  async reload(): Promise<void> {
    const { folder } = this.#options;
    const stamp = await folder.stamp();
    if (stamp === this.#stamp) return;
    this.#current = await folder.load();
    this.#stamp = stamp;
    this.#nextRenewal = Number.NEGATIVE_INFINITY;
  }

  /** Sees to it that this PoP is somebody. @throws WaystationError `not_registered`, and what `register` throws. */
  async ensure(signal: AbortSignal): Promise<PopIdentity> {
    await this.reload();
    return this.#current ?? this.#register(signal);
  }

  /**
   * The hub does not take the certificate any more: with a token that was not used yet this PoP registers anew.
   * @returns whether it did.
   */
  async readmit(signal: AbortSignal): Promise<boolean> {
    const { token, log } = this.#options;
    if (token === null || this.#current === null) return false;
    try {
      if (parseToken(await token()).id === this.#current.token) return false;
      await this.#register(signal);
      return true;
    } catch (thrown) {
      signal.throwIfAborted();
      log.debug({ reason: asWaystationError(thrown).message }, 'registering anew failed');
      return false;
    }
  }

  /** Renews the certificate once two thirds of its life are over. What fails is tried again; never throws for it. */
  async renewIfDue(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const before = this.need();
    const ends = this.certificateEnds ?? 0;
    const issued = Date.parse(before.issued);
    // By the hub's clock throughout: ours may be wrong by years.
    const due = this.api.now() >= issued + ((ends - issued) * 2) / 3;
    if (!due || clock.monotonic() < this.#nextRenewal) return;
    const pause = Math.min(longestPause, Math.max(shortestPause, (ends - issued) / 20));
    this.#nextRenewal = clock.monotonic() + pause * (0.9 + 0.2 * Math.random());
    try {
      await this.#renew(before, signal);
      this.#renewalError = null;
      log.info({ hub: before.url, until: new Date(this.certificateEnds ?? 0).toISOString() }, 'certificate renewed');
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asWaystationError(thrown);
      if (this.#renewalError?.code !== error.code)
        log.warn({ hub: before.url, code: error.code, reason: error.message }, 'the certificate cannot be renewed');
      this.#renewalError = error;
    }
  }

  /** Writes down what the hub said of itself. */
  async learn(changes: Partial<Pick<PopIdentity, 'keys' | 'epoch'>>): Promise<void> {
    const before = this.need();
    const after = { ...before, ...changes };
    if (JSON.stringify(after) === JSON.stringify(before)) return;
    await this.#options.folder.update(after);
    await this.#adopted(after);
  }

  close(): Promise<void> {
    return this.api.close();
  }

  async #register(signal: AbortSignal): Promise<PopIdentity> {
    const { token, folder, name, url, log } = this.#options;
    if (token === null) {
      const how = 'run `waystation register --hub URL --token-file F`, or configure hub.tokenFile';
      throw new WaystationError('not_registered', `this PoP is not registered at ${url}: ${how}`);
    }
    const made = await register(this.#options, { folder, token: await token(), name }, signal);
    await this.#adopted(made);
    log.info({ hub: url, id: made.id, name: made.name }, 'registered at the hub');
    return made;
  }

  async #renew(before: PopIdentity, signal: AbortSignal): Promise<void> {
    const { folder } = this.#options;
    const key = await folder.nextKey();
    const credentials = await this.api.renew(await certificateRequest(key, before.name), signal);
    requireOurs(credentials, { key, ca: fingerprint(new X509Certificate(before.authority)) });
    const { pop, certificate, authority } = credentials;
    const issued = new Date(this.api.now()).toISOString();
    const after = { ...before, name: pop.name, issued, key, certificate, authority };
    await folder.adopt(after);
    await this.#adopted(after);
  }

  async #adopted(identity: PopIdentity): Promise<void> {
    this.#current = identity;
    this.#stamp = await this.#options.folder.stamp();
  }
}
