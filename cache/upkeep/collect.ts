import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import type { GenerationDocument } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import type { Counter, Meter } from '../../base/metrics.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { IndexedBlob } from '../blobs/blob-index.ts';
import type { Claims } from '../blobs/claims.ts';
import type { Marks } from '../blobs/marks.ts';
import type { Disk } from '../../disk/disk.ts';
import type { Layout } from '../disk/layout.ts';
import type { Generations } from '../generations/generations.ts';
import type { Maps } from '../maps.ts';
import type { MappedRepository } from './remake-maps.ts';
import type { Pointers } from '../unlisted/pointers.ts';
import { Marking } from './marking.ts';
import type { UpkeepRules } from './rules.ts';

export interface CollectorOptions {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly generations: Generations;
  readonly maps: Maps;
  readonly pointers: Pointers;
  readonly blobs: Pick<BlobStore, 'remove'>;
  readonly marks: Marks;
  readonly claims: Claims;
  readonly rules: UpkeepRules;
  /** Told of a repository whose map is missing or damaged. */
  readonly lost: (repository: MappedRepository) => void;
  /** Whether transfers are under way: removing makes way for them. */
  readonly busy: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meter: Meter;
}

/** What a pass removed. */
export interface Collected {
  blobs: number;
  maps: number;
  pointers: number;
  /** Given back to the file system. */
  bytes: number;
}

/** Milliseconds between two removals while transfers are under way. */
const giveWay = 5;
/** Blobs that may be garbage, and are looked at in one turn. */
const looksPerTurn = 500;

/** One pass, with what of the documents it has seen. */
interface Pass {
  readonly marking: Marking;
  readonly seen: Set<object>;
  readonly signal: AbortSignal;
  /** Of generations and claims, when everything was seen. */
  version: number;
}

/**
 * Removes what nothing refers to: marks from the documents, then removes pointers, maps and blobs that were not marked,
 * one after the other. Whoever comes to refer to something meanwhile is asked before each removal.
 */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #bytes: Counter;
  #said: string | null = null;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#bytes = options.meter.counter('collected_bytes_total', 'Bytes of files that nothing referred to, removed');
  }

  /**
   * One pass. Marks what must not be evicted in any case, and removes garbage if it is certain what is garbage.
   * @param remove false: only marks. Never rejects for what the disk does: that is logged, and the next pass goes on.
   */
  async run(signal: AbortSignal, remove = true): Promise<Collected> {
    const { claims, marks, maps, lost, log, generations } = this.#options;
    const collected: Collected = { blobs: 0, maps: 0, pointers: 0, bytes: 0 };
    try {
      await generations.reread();
      claims.release();
      marks.begin();
      const pass: Pass = { marking: new Marking({ marks, maps, lost }, signal), seen: new Set(), signal, version: -1 };
      await this.#mark(pass);
      const doubt = this.#doubt();
      // The pass right after a start removes nothing in any case: who has just subscribed is not to be warned.
      if (remove) {
        if (doubt !== this.#said && doubt !== null) log.warn({ reason: doubt }, 'nothing is collected');
        this.#said = doubt;
      }
      const removing = remove && doubt === null;
      await this.#pointers(pass, removing, collected);
      if (generations.unreadable.length === 0 && pass.marking.protectedAll) marks.end();
      if (removing) {
        await this.#removeMaps(pass, collected);
        await this.#removeBlobs(pass, collected);
      }
    } catch (error) {
      if (!signal.aborted) log.warn({ error: String(error) }, 'collecting ended early');
    } finally {
      claims.divide();
    }
    this.#bytes.inc({}, collected.bytes);
    if (collected.blobs + collected.maps + collected.pointers > 0)
      log.info(collected, 'what nothing refers to is gone');
    return collected;
  }

  /** Why it is not certain what is garbage; null: it is. */
  #doubt(): string | null {
    const { generations, rules } = this.#options;
    const [unreadable] = generations.unreadable;
    if (unreadable !== undefined) return `${unreadable.path} cannot be read: what it refers to is not known`;
    const unpublished = rules.keeps().find(({ subscription }) => generations.current(subscription) === null);
    // What it is about to use may be here from an import, or from another subscription.
    if (unpublished !== undefined) return `${unpublished.subscription} has not published anything yet`;
    return null;
  }

  get #version(): number {
    return this.#options.generations.version + this.#options.claims.version;
  }

  /** Marks every document that was not seen; again, until none came meanwhile. */
  async #mark(pass: Pass): Promise<void> {
    const { generations, claims, rules } = this.#options;
    while (pass.version !== this.#version) {
      pass.version = this.#version;
      const pins = await this.#pins();
      for (const subscription of generations.subscriptions()) {
        // Rolled back, both what is served and what a release will serve.
        const served = [generations.current(subscription), generations.newest(subscription)];
        for (const document of generations.kept(subscription)) {
          const pinned = pins === null || pins.has(document.id);
          await this.#document(pass, document, { pinned, served: served.includes(document) });
        }
      }
      for (const [subscription, repositories] of claims.left()) {
        if (pass.seen.has(repositories)) continue;
        for (const [path, document] of Object.entries(repositories)) {
          await pass.marking.repository(path, document, rules.holds(subscription, path, document));
        }
        pass.seen.add(repositories);
      }
    }
  }

  async #document(
    pass: Pass,
    document: GenerationDocument,
    { pinned, served }: { readonly pinned: boolean; readonly served: boolean },
  ): Promise<void> {
    const { rules } = this.#options;
    if (pass.seen.has(document)) return;
    for (const [path, repository] of Object.entries(document.repositories)) {
      const holds = served ? rules.holds(document.subscription, path, repository) : 'none';
      await pass.marking.repository(path, repository, holds);
      // Whatever the policy; its own choice, which has a map of its own, is a part of it.
      if (pinned) await pass.marking.repository(path, repository, 'all');
    }
    pass.seen.add(document);
  }

  /** null: they cannot be read, and any generation may be pinned. */
  async #pins(): Promise<ReadonlySet<string> | null> {
    return this.#options.generations.pins().catch(() => null);
  }

  async #pointers(pass: Pass, removing: boolean, collected: Collected): Promise<void> {
    const { pointers, marks } = this.#options;
    const { repositories } = pass.marking;
    const removed = collected.pointers;
    for await (const { path, entry } of pointers.all()) {
      pass.signal.throwIfAborted();
      if (pass.version !== this.#version) await this.#mark(pass);
      const useless = (): boolean => pass.version === this.#version && !(entry && repositories.has(entry.repository));
      if (removing && useless() && (await pointers.remove(path, useless))) collected.pointers += 1;
      else if (entry !== null) marks.mark(entry.scope, entry.digest, false);
    }
    // Before what they referred to.
    if (collected.pointers > removed) await pointers.sync();
  }

  async #removeMaps(pass: Pass, collected: Collected): Promise<void> {
    const { maps, claims } = this.#options;
    for (const map of await maps.stored()) {
      pass.signal.throwIfAborted();
      if (pass.version !== this.#version) await this.#mark(pass);
      if (pass.marking.maps.has(map) || claims.holdsMap(map)) continue;
      collected.bytes += await maps.remove(map);
      collected.maps += 1;
    }
  }

  async #removeBlobs(pass: Pass, collected: Collected): Promise<void> {
    const { marks, claims, blobs, busy, clock } = this.#options;
    const isGarbage = ({ scope, digest }: IndexedBlob): boolean =>
      pass.version === this.#version && marks.isUnmarked(scope, digest) && !claims.isUnderWay(scope, digest);
    let looks = 0;
    for (const blob of marks.unmarked()) {
      if (blob !== null) looks += 1;
      if (blob === null || looks % looksPerTurn === 0) await setImmediate();
      pass.signal.throwIfAborted();
      if (pass.version !== this.#version) await this.#mark(pass);
      if (blob === null || pass.marking.isUnknown(blob.scope) || !isGarbage(blob)) continue;
      const removed = await blobs.remove(blob.scope, blob, () => isGarbage(blob));
      if (removed.result === 'refused') throw removed.error;
      if (removed.result === 'in-use') continue;
      collected.blobs += 1;
      collected.bytes += removed.freed;
      if (busy()) await clock.sleep(giveWay, pass.signal);
    }
  }
}
