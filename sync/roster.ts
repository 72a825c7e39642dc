import type { Clock } from '../base/clock.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import type { WantedRepository } from '../mirror/discovery.ts';
import type { FlipMember } from './flip.ts';
import { Member } from './member.ts';
import type { MemberNote } from './member.ts';
import type { PathOwners } from './paths.ts';

export interface RosterOptions {
  readonly subscription: string;
  readonly authoritative: boolean;
  readonly owners: PathOwners;
  readonly clock: Clock;
  /** What is served now. */
  readonly served: () => Readonly<Record<string, RepositoryDocument>>;
  readonly notes: Readonly<Record<string, MemberNote>>;
}

/** Who is in a subscription: what its hub lists, and what it still serves though the hub no longer lists it. */
export class Roster {
  readonly #options: RosterOptions;
  readonly #members = new Map<string, Member>();

  constructor(options: RosterOptions, remembered: readonly WantedRepository[]) {
    this.#options = options;
    this.#options = options;
    for (const path of Object.keys(options.served())) {
      // What was served before is this subscription's, whoever begins first.
      if (options.owners.claim(path, options.subscription) === null) this.#add(path);
    }
    for (const wanted of remembered) this.#want(wanted);
    if (options.authoritative) this.#leave(new Set(remembered.map(({ path }) => path)));
  }

  get all(): readonly Member[] {
    return [...this.#members.values()];
  }

  /** The members that the hub wants carried and that have their path. */
  get readable(): readonly Member[] {
    return this.all.filter(({ wanted, takenBy }) => wanted !== null && takenBy === null);
  }

  /** Whether this PoP carries a path, by this subscription or another. */
  isCarried(path: string): boolean {
    return this.#options.owners.ownerOf(path) !== null;
  }

  get(path: string): Member | null {
    return this.#members.get(path) ?? null;
  }

  /** Takes over the hub's list. What it no longer names stays, as orphaned, if it was ever served. */
  replace(list: readonly WantedRepository[]): void {
    for (const wanted of list) this.#want(wanted);
    this.#leave(new Set(list.map(({ path }) => path)));
  }

  /** All that is wanted was read, nothing is wrong with it, and no run is still fetching what a policy wants of it. */
  get isComplete(): boolean {
    return this.all.every(
      ({ wanted, reached, failure, takenBy, begun }) =>
        wanted === null || (reached !== null && (failure ?? takenBy ?? begun) === null),
    );
  }

  /** The members as the rules of flipping see them. */
  flipMembers(): readonly FlipMember[] {
    return this.all.flatMap(({ path, wanted, takenBy, proven, sound }) =>
      wanted === null
        ? []
        : [{ path, guard: wanted.guard, scope: wanted.scope, proven: takenBy === null ? proven : null, sound }],
    );
  }

  /** What was proven last of every member. */
  proven(): Readonly<Record<string, RepositoryDocument>> {
    return Object.fromEntries(this.all.flatMap(({ path, proven }) => (proven === null ? [] : [[path, proven]])));
  }

  /** What was proven and misses packages that its policy wants. */
  begun(): Readonly<Record<string, RepositoryDocument>> {
    return Object.fromEntries(this.all.flatMap(({ path, begun }) => (begun === null ? [] : [[path, begun]])));
  }

  notes(): Readonly<Record<string, MemberNote>> {
    return Object.fromEntries(this.all.map((member) => [member.path, member.note]));
  }

  #want(wanted: WantedRepository): void {
    const { owners, subscription } = this.#options;
    const member = this.#members.get(wanted.path) ?? this.#add(wanted.path);
    member.wanted = wanted;
    member.leftSince = null;
    member.takenBy = owners.claim(wanted.path, subscription);
  }

  #leave(listed: ReadonlySet<string>): void {
    const { owners, subscription, authoritative, clock } = this.#options;
    const served = this.#options.served();
    for (const member of this.#members.values()) {
      if (listed.has(member.path)) continue;
      member.wanted = null;
      member.takenBy = null;
      const stays = served[member.path] !== undefined;
      owners.leave(member.path, subscription, authoritative || !stays);
      if (stays) member.leftSince ??= clock.now();
      else this.#members.delete(member.path);
    }
  }

  #add(path: string): Member {
    const { clock, notes, served } = this.#options;
    const start = { note: notes[path] ?? null, proven: served()[path] ?? null };
    const member = new Member(path, { ...start, now: clock.now(), due: clock.monotonic() });
    this.#members.set(path, member);
    return member;
  }
}
