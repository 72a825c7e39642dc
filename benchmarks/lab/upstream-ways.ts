import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { silentMeter } from '../../base/metrics.ts';
import { Client } from '../../origin/client.ts';
import { Health } from '../../origin/health.ts';
import { anonymousIdentity } from '../../origin/identity.ts';
import { RateSchedule } from '../../origin/rate-schedule.ts';
import { SourceSet } from '../../origin/source-set.ts';
import { Traffic } from '../../origin/traffic.ts';

/** A way to bring files of one origin. */
export interface Way {
  readonly name: string;
  /** @param sink is given the bytes in order. */
  get(href: string, sink: (chunk: Buffer) => void): Promise<void>;
  close(): Promise<void>;
}

/** As a sync asks for packages: slots, health, tries and all. @param url of the repository. */
export function wayOfWaystation(url: string): Way {
  const parts = { clock: systemClock, log: silentLogger };
  const transfers = { perHub: 64, total: 256 };
  const traffic = new Traffic({ ...parts, rates: new RateSchedule([]), transfers, meter: silentMeter });
  const health = new Health(parts);
  const client = new Client({ ...parts, identity: anonymousIdentity([url]), version: '0', health, traffic });
  const sources = new SourceSet({ ...parts, client, health, urls: [url], mirrorLists: [] });
  const { signal } = new AbortController();
  return {
    name: 'waystation',
    async get(href, sink) {
      const loader = sources.loader(href, 'background');
      const waited = loader.turn?.(signal) ?? false;
      if (waited !== false) await waited;
      const transfer = await loader.open(0, signal);
      await transfer.consume(sink);
      loader.done?.();
    },
    close: () => client.close(),
  };
}

/** The cheapest that undici has. */
export async function wayOfUndici(url: string): Promise<Way> {
  const { Pool } = await import('undici');
  const pool = new Pool(new URL(url).origin, { connections: 64, pipelining: 1, allowH2: false });
  return {
    name: "undici's dispatch",
    get: (href, sink) =>
      new Promise((resolve, reject) => {
        pool.dispatch(
          { path: `/${href}`, method: 'GET', headers: { accept: '*/*' } },
          {
            onRequestStart: () => {},
            onResponseStart: (_controller, status) => {
              if (status !== 200) reject(new Error(`${href} is answered by ${status}`));
            },
            onResponseData: (_controller, chunk) => sink(chunk),
            onResponseEnd: () => resolve(),
            onResponseError: (_controller, error) => reject(error),
          },
        );
      }),
    close: () => pool.destroy(),
  };
}
