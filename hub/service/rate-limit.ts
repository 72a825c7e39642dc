import { LRUCache } from 'lru-cache';
import type { Clock } from '../../base/clock.ts';

export interface RateLimitOptions {
  /** As many may come at once, and come back over `period`. */
  readonly most: number;
  /** Milliseconds. */
  readonly period: number;
  readonly clock: Clock;
}

/** Addresses that are remembered; one that is forgotten begins anew. */
const remembered = 10_000;

/** How often somebody may ask, by his address: a bucket for each that fills again over time. */
export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #buckets = new LRUCache<string, { left: number; at: number }>({ max: remembered });

  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /** Counts one request. @returns 0 when it may go on, else the seconds after which the next one may. */
  take(address: string): number {
    const { most, period, clock } = this.#options;
    const now = clock.monotonic();
    const key = networkOf(address);
    const bucket = this.#buckets.get(key) ?? { left: most, at: now };
    bucket.left = Math.min(most, bucket.left + ((now - bucket.at) * most) / period);
    bucket.at = now;
    this.#buckets.set(key, bucket);
    if (bucket.left < 1) return Math.ceil(((1 - bucket.left) * period) / most / 1_000);
    bucket.left -= 1;
    return 0;
  }
}

/** An address as it counts: who has one of IPv6 has the 2^64 of its network. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (!plain.includes(':')) return plain;
  const [front = [], back = []] = plain.split('::').map((half) => half.split(':').filter(Boolean));
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0');
  return [...front, ...zeros, ...back].slice(0, 4).join(':');
}
