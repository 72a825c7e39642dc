import { setImmediate } from 'node:timers/promises';
import type { Digest } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { Logger } from '../../base/log.ts';
import type { Answer, Supplier, Validators } from '../../base/transfer.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { memoryNotes } from '../../cache/notes.ts';
import type { Notes } from '../../cache/notes.ts';
import type { SpaceLimits } from '../../cache/space/space.ts';
import { Pointers } from '../../cache/unlisted/pointers.ts';
import { UnlistedFetches } from '../../cache/unlisted/unlisted-fetch.ts';
import { Unlisted } from '../../cache/unlisted/unlisted.ts';
import type { OpenedUnlisted } from '../../cache/unlisted/unlisted.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { passed, scriptedTransfer } from '../support/scripted-loader.ts';
import type { Script } from '../support/scripted-loader.ts';
import { pieces, readAll } from './pieces.ts';
import type { Pieces } from './pieces.ts';

type Said = Script | 'not-modified' | WaystationError | Gate;

/** An upstream that answers as told, one answer a request; a gate is waited for before the answer that follows it. */
class Upstream implements Supplier {
  up = true;
  readonly asked: (Validators | null)[] = [];
  cancelled = 0;
  readonly #answers: Said[];

  constructor(...answers: Said[]) {
    this.#answers = answers;
  }

  say(...answers: Said[]): void {
    this.#answers.push(...answers);
  }

  loader(): never {
    throw new Error('no listed file is asked for');
  }

  slice(): never {
    throw new Error('no listed file is asked for');
  }

  async get(_href: string, validators: Validators | null, signal: AbortSignal): Promise<Answer> {
    this.asked.push(validators && { etag: validators.etag, lastModified: validators.lastModified });
    let said = this.#answers.shift();
    if (said instanceof Gate) {
      const after = this.#answers.shift();
      await passed(said, signal);
      said = after;
    }
    if (said === undefined) throw new WaystationError('upstream_unreachable', 'nobody answers');
    if (said instanceof WaystationError) throw said;
    if (said === 'not-modified') return { kind: 'not-modified' };
    if (said instanceof Gate) throw new Error('two gates in a row');
    const transfer = scriptedTransfer(said, 0, signal);
    return { kind: 'found', transfer: { ...transfer, cancel: () => void (this.cancelled += 1) } };
  }
}

/** Remembers the fetches that began, so that a test can wait for their end. */
class RememberedFetches extends UnlistedFetches {
  readonly #begun: Promise<boolean>[] = [];

  override async begin(...asked: Parameters<UnlistedFetches['begin']>): ReturnType<UnlistedFetches['begin']> {
    const fetch = await super.begin(...asked);
    if (fetch !== null) this.#begun.push(fetch.stored);
    return fetch;
  }

  async ended(): Promise<void> {
    await Promise.all(this.#begun);
    // What follows a fetch, a note and its being forgotten, happens in the same turn.
    await setImmediate();
  }
}

export interface Fixture extends Pieces {
  readonly unlisted: Unlisted;
  readonly upstream: Upstream;
  open(scope?: string, expected?: Digest | null): Promise<OpenedUnlisted | null>;
  /** Resolves when no fetch is under way. */
  ended(): Promise<void>;
  /** Opens, reads to the end, and waits until what is kept is kept. */
  get(expected?: Digest): Promise<{ outcome: string; bytes: Buffer; error: Error | null } | null>;
}

export async function fixture(
  options: { disk?: Disk; limits?: SpaceLimits; name?: string; notes?: Notes; log?: Logger } = {},
): Promise<Fixture> {
  const store = await pieces(options);
  const { disk = systemDisk, name = 'images/boot.iso', notes = memoryNotes(), log = silentLogger } = options;
  const { layout, blobs, claims, space, clock } = store;
  const pointers = new Pointers(disk, layout);
  const parts = { disk, layout, blobs, claims, pointers, space, room: space, clock, log: silentLogger };
  const fetches = new RememberedFetches(parts);
  const unlisted = new Unlisted({ disk, layout, blobs, fetches, notes, clock, log });
  const upstream = new Upstream();
  const open: Fixture['open'] = (scope = 'open', expected = null) =>
    unlisted.open({ repository: 'base', file: name, scope, supplier: upstream, expected });
  const get: Fixture['get'] = async (expected) => {
    const opened = await open('open', expected);
    if (opened === null) return null;
    const got = await readAll(opened.source);
    await fetches.ended();
    return { outcome: opened.outcome, ...got };
  };
  const dispose = async (): Promise<void> => {
    await fetches.ended();
    await store[Symbol.asyncDispose]();
  };
  return { ...store, unlisted, upstream, open, get, ended: () => fetches.ended(), [Symbol.asyncDispose]: dispose };
}
