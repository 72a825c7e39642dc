import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNginxCache, startOrigin, startPop, startVarnish } from './lab/peers.ts';
import { median } from './lab/processes.ts';
import type { Measured } from './lab/processes.ts';
import { makeRepository } from './lab/repository.ts';

export const about =
  '50 clients ask for one cold file of 30 MB, upstream at 10 MB/s: upstream requests and first bytes, beside nginx and Varnish';

const clients = 50;
const file = 'Packages/herd.rpm';

/** The bar: 1 upstream request, each first byte in less than 500 ms. */
export async function run(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'waystation-bench-'));
  const started: Measured[] = [];
  try {
    makeRepository(join(work, 'origin'), { herd: 30_000_000 });
    const origin = await startOrigin(work, join(work, 'origin'), 1, 'limit_rate 10m; ');
    started.push(origin);
    console.log(
      `${'server'.padEnd(20)}${'upstream GETs'.padStart(15)}${'first byte ms: median'.padStart(24)}${'worst'.padStart(8)}${'all done s'.padStart(12)}`,
    );
    for (const start of [startPop, startNginxCache, startVarnish]) {
      const server = await start(work, origin.url, 0);
      if (server === null) {
        console.log('varnish              not installed: left out');
        continue;
      }
      started.push(server);
      const before = upstreamRequests(work);
      const began = performance.now();
      const firstBytes = await Promise.all(Array.from({ length: clients }, () => firstByte(`${server.url}/${file}`)));
      const seconds = (performance.now() - began) / 1000;
      const requests = upstreamRequests(work) - before;
      console.log(
        `${server.name.padEnd(20)}${String(requests).padStart(15)}${median(firstBytes).toFixed(0).padStart(24)}${Math.max(
          ...firstBytes,
        )
          .toFixed(0)
          .padStart(8)}${seconds.toFixed(1).padStart(12)}`,
      );
    }
  } finally {
    for (const server of started.toReversed()) await server.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

/** Reads a file whole. @returns milliseconds to its first byte. */
function firstByte(url: string): Promise<number> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let first: number | null = null;
      response.on('data', () => (first ??= performance.now() - began));
      response.on('end', () =>
        response.statusCode === 200 && first !== null
          ? resolve(first)
          : reject(new Error(`${url}: ${response.statusCode}`)),
      );
      response.on('error', reject);
    }).on('error', reject);
  });
}

function upstreamRequests(work: string): number {
  return readFileSync(join(work, 'origin-server', 'access.log'), 'utf8')
    .split('\n')
    .filter((line) => line.includes(`GET /${file}`)).length;
}
