import { once } from 'node:events';
import { Agent, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between two requests. */
const pause = 20;

/** A client that asks for one file after the other, over a connection that stays open, and times those that were held. */
export class HitClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #urls: readonly string[];
  readonly #stop = new AbortController();
  readonly #asking: Promise<void>;
  /** Milliseconds from the request to the last byte of each hit. */
  readonly latencies: number[] = [];

  /** @param urls asked for in turns. */
  constructor(urls: readonly string[]) {
    this.#urls = urls;
    this.#asking = this.#ask();
  }

  /** @throws what an answer was that is none. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#asking;
    this.#agent.destroy();
  }

  async #ask(): Promise<void> {
    for (let number = 0; !this.#stop.signal.aborted; number += 1) {
      const began = performance.now();
      const held = await this.#one(this.#urls[number % this.#urls.length] ?? '');
      if (held) this.latencies.push(performance.now() - began);
      await sleep(pause, undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  /** @returns whether it was held: before its repository is served there is nothing there. */
  async #one(url: string): Promise<boolean> {
    const request = get(url, { agent: this.#agent });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    for await (const chunk of response) void chunk;
    const { statusCode = 0, headers } = response;
    if (statusCode >= 400 && statusCode !== 404 && statusCode !== 503) throw new Error(`${url} answers ${statusCode}`);
    return statusCode === 200 && /;\s*hit/.test(headers['cache-status'] as string);
  }
}
