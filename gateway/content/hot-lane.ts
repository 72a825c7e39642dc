import type { ServerResponse } from 'node:http';
import { LRUCache } from 'lru-cache';
import type { Digest } from '../../base/digest.ts';
import type { Use } from '../../cache/demand/names-in-demand.ts';

/** A whole answer at hand: what most requests of a site come to. */
export interface HotAnswer {
  /** Names and values in turns, as `writeHead` takes them fastest. */
  readonly headers: readonly string[];
  /** The same for the time that the upstream cannot confirm it; only repomd.xml and its signature have one. */
  readonly staleHeaders: readonly string[] | null;
  readonly body: Buffer;
  /** The repository whose repomd.xml this is, else null. */
  readonly repomdOf: string | null;
  /** The epoch of the served view that it was made under. */
  readonly epoch: number;
  readonly scope: string;
  readonly digest: Digest;
  /** Where it is counted that this package was served; null: it is none. */
  readonly use: Use | null;
  /** The store's turn when its use was last noted. */
  turn: number;
}

/** Bodies up to this size are kept. */
export const hotLimit = 1024 * 1024;

/**
 * Small bodies by request target, bounded by their bytes: answered before anything is decoded, looked up or opened.
 * An answer of an older epoch is none: access and generations may have changed.
 */
export class HotLane {
  readonly #answers: LRUCache<string, HotAnswer>;

  /** @param bytes that the bodies may take. */
  constructor(bytes: number) {
    this.#answers = new LRUCache({
      maxSize: bytes,
      maxEntrySize: hotLimit + 4096,
      sizeCalculation: ({ body }) => body.length + 512,
    });
  }

  get(target: string, epoch: number): HotAnswer | undefined {
    const answer = this.#answers.get(target);
    if (answer === undefined || answer.epoch === epoch) return answer;
    this.#answers.delete(target);
    return undefined;
  }

  set(target: string, answer: HotAnswer): void {
    this.#answers.set(target, answer);
  }
}

/** Writes a hot answer. */
export function sendHot(response: ServerResponse, headers: readonly string[], body: Buffer): void {
  response.writeHead(200, headers as string[]);
  response.end(body);
}
