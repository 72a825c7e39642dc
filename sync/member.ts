import type { WaystationError } from '../base/errors.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import type { WantedRepository } from '../mirror/discovery.ts';
import type { UpstreamMark } from '../mirror/repository-reader.ts';
import { isOutage } from './backoff.ts';

/** A repository's reads that failed, the last and the row that it belongs to. */
export interface MemberFailure {
  readonly error: WaystationError;
  /** In a row, this one included. */
  readonly attempts: number;
  /** Wall clock of the first of the row and of the last, milliseconds. */
  readonly since: number;
  readonly at: number;
  /** Monotonic time of the first of the row. */
  readonly begun: number;
}

/** Times and marks of a member that outlive the process, as far as notes do. */
export interface MemberNote {
  readonly wantedSince: number;
  readonly leftSince: number | null;
  readonly failingSince: number | null;
  readonly mark: UpstreamMark | null;
}

/** One repository of a subscription: what the hub wants of it, what was proven, how its last read went. */
export class Member {
  readonly path: string;
  /** null: it left the hub's list. */
  wanted: WantedRepository | null;
  /** The subscription that has the path, if that is another one. */
  takenBy: string | null = null;
  proven: RepositoryDocument | null;
  /** Whose packages are being fetched, or were until the run ended: what was had of it stays. */
  begun: RepositoryDocument | null = null;
  /** Packages that could not be had, and how often in a row. */
  missing: ReadonlyMap<string, number> = new Map();
  /** Wall clock when `proven` last changed. */
  provenSince: number;
  mark: UpstreamMark | null;
  failure: MemberFailure | null = null;
  reading = false;
  /** Its first document is proven, in the read under way: it serves before its packages are held. */
  early = false;
  /** Its last read was called off: what it has may be of another moment than what the others have. */
  unsettled = false;
  /** Whether the last read got an answer; null: not read yet in this process. */
  reached: boolean | null = null;
  /** Monotonic time of the next read. */
  due: number;
  readonly wantedSince: number;
  leftSince: number | null;
  /** From the notes: when a row of failures began that no success has ended yet. */
  #failingSince: number | null;

  constructor(
    path: string,
    start: { note: MemberNote | null; proven: RepositoryDocument | null; now: number; due: number },
  ) {
    this.path = path;
    this.wanted = null;
    this.proven = start.proven;
    this.provenSince = start.now;
    this.mark = start.note?.mark ?? null;
    this.due = start.due;
    this.wantedSince = start.note?.wantedSince ?? start.now;
    this.leftSince = start.note?.leftSince ?? null;
    this.#failingSince = start.note?.failingSince ?? null;
  }

  /** Its last read proved what its upstream shows, and no newer one is under way that has anything to say. */
  get sound(): boolean {
    const isSettled = !this.unsettled && (!this.reading || this.early);
    return this.reached === true && this.failure === null && this.takenBy === null && isSettled;
  }

  /** A read begins. */
  begins(): void {
    this.reading = true;
    this.early = false;
  }

  succeeded(document: RepositoryDocument, mark: UpstreamMark, now: number): void {
    if (this.proven?.repomd.digest !== document.repomd.digest) this.provenSince = now;
    this.proven = document;
    this.mark = mark;
    this.failure = null;
    this.#failingSince = null;
    this.reached = true;
    this.unsettled = false;
  }

  /** Everything that its policy wants is held. */
  complete(): void {
    this.begun = null;
    this.missing = new Map();
  }

  failed(error: WaystationError, at: { now: number; monotonic: number }): MemberFailure {
    const before = this.failure;
    this.reached = !isOutage(error);
    this.failure = {
      error,
      attempts: (before?.attempts ?? 0) + 1,
      since: before?.since ?? this.#failingSince ?? at.now,
      at: at.now,
      begun: before?.begun ?? at.monotonic,
    };
    return this.failure;
  }

  get note(): MemberNote {
    return {
      wantedSince: this.wantedSince,
      leftSince: this.leftSince,
      failingSince: this.failure?.since ?? this.#failingSince,
      mark: this.mark,
    };
  }
}
