import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { startOrigin, startPop } from './lab/peers.ts';
import { untilAnswering } from './lab/processes.ts';
import type { Measured } from './lab/processes.ts';
import { makeRepository } from './lab/repository.ts';

export const about =
  'held files while the upstream accepts connections and says nothing: latency over keep-alive connections';

const requests = 1_000;

/** The bar is p99 < 100 ms: a sick upstream must not be felt by who asks for what is held. */
export async function run(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'waystation-bench-'));
  const started: Measured[] = [];
  const hanging = new Set<Socket>();
  const silence = createServer((socket) => void hanging.add(socket.on('error', () => {})));
  try {
    makeRepository(join(work, 'origin'), { small: 2_000, medium: 30_000 });
    const origin = await startOrigin(work, join(work, 'origin'), 1);
    started.push(origin);
    const pop = await startPop(work, origin.url, 0, '1s');
    started.push(pop);
    for (const name of ['small', 'medium']) await untilAnswering(`${pop.url}/Packages/${name}.rpm`);
    await origin.stop();
    await new Promise<void>((resolve) => silence.listen(Number(new URL(origin.url).port), '127.0.0.1', resolve));
    console.log(`${'file'.padEnd(28)}${'p50 ms'.padStart(10)}${'p99 ms'.padStart(10)}${'max ms'.padStart(10)}`);
    for (const path of ['repodata/repomd.xml', 'Packages/small.rpm', 'Packages/medium.rpm']) {
      const { latency, non2xx, errors } = await autocannon({
        url: `${pop.url}/${path}`,
        connections: 4,
        amount: requests,
      });
      if (non2xx + errors > 0) throw new Error(`${path}: ${non2xx} other answers, ${errors} errors`);
      console.log(
        `${path.padEnd(28)}${[latency.p50, latency.p99, latency.max].map((ms) => ms.toFixed(1).padStart(10)).join('')}`,
      );
    }
  } finally {
    for (const socket of hanging) socket.destroy();
    silence.close();
    for (const server of started.toReversed()) await server.stop();
    rmSync(work, { recursive: true, force: true });
  }
}
