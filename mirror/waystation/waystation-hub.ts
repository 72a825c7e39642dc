import { WaystationError } from '../../base/errors.ts';
import type { FollowingStatus } from '../../base/status.ts';
import { shownUrl } from '../../origin/shown-url.ts';
import type { SnapshotDocument, SnapshotRepository } from '../../protocol/snapshot.ts';
import type { Discovery, HubClient, WantedRepository } from '../discovery.ts';
import { servedPath } from '../discovery.ts';
import type { HubNotes } from '../hub-notes.ts';
import { anonymous, scopeOf } from '../scope.ts';
import type { HubBlobs } from './blob-source.ts';
import type { HubSession } from './hub-session.ts';
import { Manifests } from './manifests.ts';
import { SnapshotSupplier } from './snapshot-supplier.ts';

export interface WaystationHubOptions {
  /** Name of the subscription: what it follows is remembered under it. */
  readonly subscription: string;
  readonly channel: string;
  /** Put before each path; '' for none. */
  readonly prefix: string;
  readonly session: HubSession;
  readonly blobs: HubBlobs;
  readonly notes: HubNotes;
  /** Snapshots of the generations that are kept of the subscription, newest first. */
  readonly kept: () => readonly string[];
}

/** What was made of one snapshot. */
interface Wanted {
  readonly snapshot: SnapshotDocument;
  readonly repositories: readonly WantedRepository[];
}

/** A channel of a waystation hub: the repositories of the snapshot that it points to. */
export class WaystationHub implements HubClient {
  readonly type = 'waystation';
  readonly url: string;
  /** What left a snapshot stays served, and a guard that is gone opens nothing, as with every hub. */
  readonly authoritative = false;
  readonly #options: WaystationHubOptions;
  readonly #manifests: Manifests;
  readonly #listeners = new Set<(what: 'news' | 'trouble') => void>();
  #wanted: Wanted | null = null;
  /** What the last list was made for, or is being made for: `#target` as it was then. */
  #used = '';
  /** A list is being asked for: it will have what comes meanwhile. */
  #asking = false;
  /** The session told of something that no list was made for yet: it need not be asked again. */
  #news = false;
  /** Whoever listens knows that the hub says nothing that is believed. */
  #troubled = false;

  /** A hub that knows what it said before the restart. */
  static async open(options: WaystationHubOptions): Promise<WaystationHub> {
    const hub = new WaystationHub(options);
    const keys = options.session.membership.current?.keys;
    const snapshot = keys === undefined ? null : await hub.#manifests.recall(keys);
    if (snapshot !== null) hub.#wanted = hub.#want(snapshot);
    return hub;
  }

  private constructor(options: WaystationHubOptions) {
    const { notes, subscription, channel, session } = options;
    this.#options = options;
    this.url = shownUrl(session.url);
    this.#manifests = new Manifests({ notes, subscription, of: [session.url, channel] });
    session.onNews(() => this.#heard());
  }

  remembered(): readonly WantedRepository[] {
    return this.#wanted?.repositories ?? [];
  }

  async discover(signal: AbortSignal): Promise<Discovery> {
    const { session, channel } = this.#options;
    if (!this.#news) {
      this.#asking = true;
      this.#troubled = true;
      await session.refresh(signal).finally(() => {
        this.#asking = false;
      });
      this.#troubled = false;
    }
    this.#news = false;
    this.#used = this.#target();
    const { api } = session.membership;
    const { keys } = session.membership.need();
    const snapshot = await this.#manifests.of(session.channel(channel), { api, keys }, signal);
    if (this.#wanted?.snapshot !== snapshot) this.#wanted = this.#want(snapshot);
    return { hubVersion: snapshot.name, repositories: this.#wanted.repositories };
  }

  watch(listener: (what: 'news' | 'trouble') => void): void {
    this.#listeners.add(listener);
    this.#options.session.begin();
  }

  following(): FollowingStatus {
    const { session, channel } = this.#options;
    const { membership } = session;
    const identity = membership.current;
    const ends = membership.certificateEnds;
    const expires = session.expires(channel);
    const said = this.#said();
    return {
      id: identity?.id ?? null,
      name: identity?.name ?? null,
      channel,
      snapshot: said,
      certificateEnds: text(ends),
      expires: text(expires),
      problem: this.#problem({ ends, expires }),
    };
  }

  /** Whether these are the repositories of the snapshot that the channel points to, by the digests of their roots. */
  isServed(rootOf: (path: string) => string | null): boolean {
    const { snapshot } = this.#wanted ?? {};
    if (snapshot === undefined || snapshot.name !== this.#said()) return false;
    return Object.entries(snapshot.repositories).every(
      ([path, { repomd }]) => rootOf(servedPath(this.#options.prefix, path)) === repomd.digest,
    );
  }

  /** The snapshot that the channel points to, as far as is believed. */
  #said(): string | null {
    try {
      return this.#options.session.channel(this.#options.channel).snapshot;
    } catch {
      return null;
    }
  }

  /** What is wrong although the hub may answer. */
  #problem({ ends, expires }: { readonly ends: number | null; readonly expires: number | null }): string | null {
    const { session } = this.#options;
    const now = session.membership.api.now();
    if (session.error !== null) return session.error.message;
    if (expires !== null && now > expires) return 'what the hub said last has expired: it is served on';
    if (ends !== null && now > ends) return `the certificate has ended: ${session.membership.renewalError?.message}`;
    return session.membership.renewalError?.message ?? null;
  }

  #heard(): void {
    if (this.#asking) return;
    if (this.#options.session.error !== null) {
      if (!this.#troubled) this.#tell('trouble');
      this.#troubled = true;
      return;
    }
    this.#troubled = false;
    if (this.#target() === this.#used) return;
    this.#news = true;
    this.#tell('news');
  }

  #tell(what: 'news' | 'trouble'): void {
    for (const listener of this.#listeners) listener(what);
  }

  /** All that a list depends on: another text, another list, or another treatment of the same. */
  #target(): string {
    const { session, channel } = this.#options;
    try {
      const { snapshot, content } = session.channel(channel);
      return JSON.stringify([snapshot, content, session.assignment?.sequence]);
    } catch (error) {
      return error instanceof WaystationError ? error.code : String(error);
    }
  }

  #want(snapshot: SnapshotDocument): Wanted {
    const { prefix, blobs, kept } = this.#options;
    const repositories = Object.entries(snapshot.repositories).map(([path, repository]): WantedRepository => ({
      path: servedPath(prefix, path),
      content: repository.content ?? 'rpm',
      name: null,
      guard: repository.guard,
      scope: this.#scope(repository.guard),
      supplier: new SnapshotSupplier({ blobs, path, snapshot: snapshot.name, repository, kept }),
    }));
    return { snapshot, repositories };
  }

  /** What everybody may have is open; what is guarded is shared by what the same guard of this hub guards. */
  #scope(guard: SnapshotRepository['guard']): string {
    const identity = guard === null ? anonymous : { ...anonymous, username: JSON.stringify([guard.kind, guard.name]) };
    return scopeOf({ hubType: this.type, url: this.url, domain: null, identity });
  }
}

function text(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
