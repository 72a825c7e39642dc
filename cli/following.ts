import { hostname } from 'node:os';
import type { Clock } from '../base/clock.ts';
import type { Digest } from '../base/digest.ts';
import type { GenerationDocument } from '../base/generation.ts';
import type { Logger } from '../base/log.ts';
import type { Notes } from '../cache/notes.ts';
import type { Subscription, WaystationHubConfig } from '../config/config.ts';
import { secretFile } from '../config/secrets.ts';
import { HubBlobs } from '../mirror/waystation/blob-source.ts';
import { HubSession } from '../mirror/waystation/hub-session.ts';
import { IdentityFolder } from '../mirror/waystation/identity-folder.ts';
import { WaystationHub } from '../mirror/waystation/waystation-hub.ts';
import { Client } from '../origin/client.ts';
import type { Health } from '../origin/health.ts';
import type { Traffic } from '../origin/traffic.ts';

export interface FollowingParts {
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly health: Health;
  readonly traffic: Traffic;
  readonly notes: Notes;
  /** The state directory. */
  readonly state: string;
  /** Kept generations of a subscription, newest first. */
  readonly kept: (subscription: string) => readonly GenerationDocument[];
}

interface Contact {
  readonly session: HubSession;
  readonly client: Client;
  readonly blobs: HubBlobs;
}

/** A subscription that follows a channel. */
export interface Followed {
  readonly subscription: string;
  readonly channel: string;
  readonly session: HubSession;
  readonly hub: WaystationHub;
}

/** The waystation hubs that subscriptions follow: one contact with each hub, however many subscriptions it has. */
export class Following {
  readonly #parts: FollowingParts;
  readonly #contacts = new Map<string, Promise<Contact>>();
  readonly #followed = new Map<string, Followed>();
  #denied: { readonly of: readonly ReadonlySet<Digest>[]; readonly all: ReadonlySet<Digest> } = {
    of: [],
    all: new Set(),
  };

  constructor(parts: FollowingParts) {
    this.#parts = parts;
  }

  /** The hub of a subscription, with what an earlier process knew of it. Asks nobody. */
  async hub({ name, prefix }: Subscription, config: WaystationHubConfig): Promise<WaystationHub> {
    const { origin } = new URL(config.url);
    const opening = this.#contacts.get(origin) ?? this.#open(config);
    this.#contacts.set(origin, opening);
    const { session, blobs } = await opening;
    const { notes, kept } = this.#parts;
    const { channel } = config;
    const hub = await WaystationHub.open({
      subscription: name,
      channel,
      prefix,
      session,
      blobs,
      notes,
      kept: () => kept(name).flatMap(({ hubVersion }) => hubVersion ?? []),
    });
    this.#followed.set(name, { subscription: name, channel, session, hub });
    return hub;
  }

  get followed(): readonly Followed[] {
    return [...this.#followed.values()];
  }

  /** One a hub. */
  get sessions(): readonly HubSession[] {
    return [...new Set(this.followed.map(({ session }) => session))];
  }

  /** What a hub assigns to a subscription; null: nothing. */
  policy(subscription: string): Subscription['policy'] | null {
    const policy = this.#followed.get(subscription)?.session.assignment?.policy ?? null;
    // The schema of assignments lets no others in.
    return policy as Subscription['policy'] | null;
  }

  /** Whether a hub wants a file, as metadata lists it, not to be served. */
  denies(digest: Digest): boolean {
    for (const { session } of this.#followed.values()) if (session.denied.has(digest)) return true;
    return false;
  }

  /** All that hubs want not to be served: the same object as long as it says the same. */
  get denied(): ReadonlySet<Digest> {
    const of = this.sessions.map(({ denied }) => denied);
    const isSame = of.length === this.#denied.of.length && of.every((each, index) => each === this.#denied.of[index]);
    if (!isSame) this.#denied = { of, all: new Set(of.flatMap((each) => [...each])) };
    return this.#denied.all;
  }

  /** Told whenever other files may be denied than before. */
  onDenied(listener: () => void): void {
    for (const session of this.sessions) {
      let before = session.denied;
      session.onNews(() => {
        if (session.denied === before) return;
        before = session.denied;
        listener();
      });
    }
  }

  async close(): Promise<void> {
    for (const { session, client } of await Promise.all(this.#contacts.values()))
      await Promise.all([session.close(), client.close()]);
  }

  async #open({ url, tokenFile, name, proxy }: WaystationHubConfig): Promise<Contact> {
    const { state, health, clock } = this.#parts;
    const token = tokenFile === null ? null : secretFile(tokenFile);
    const session = await HubSession.open({
      ...this.#parts,
      url,
      proxy: proxy?.url ?? null,
      noProxy: proxy?.noProxy ?? [],
      folder: new IdentityFolder(state, url),
      token: token === null ? null : () => token.read(),
      name: name ?? nameOfHost(),
    });
    const client = new Client({ ...this.#parts, identity: session.membership.identity });
    return { session, client, blobs: new HubBlobs({ url, client, health, clock }) };
  }
}

/** The name of this host as a hub takes it. */
export function nameOfHost(): string {
  const name = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 63)
    .replace(/[.-]+$/, '');
  return name === '' ? 'pop' : name;
}
