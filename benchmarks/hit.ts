import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNginxCache, startOrigin, startPop } from './lab/peers.ts';
import { cpuSeconds, median, output, residentMegabytes } from './lab/processes.ts';
import type { Measured } from './lab/processes.ts';
import { makeRepository } from './lab/repository.ts';

export const about =
  'held files of 2 KB, 30 KB, 1 MB and 100 MB from this PoP and from nginx proxy_cache: CPU per unit';

const sizes = { small: 2_000, medium: 30_000, large: 1_000_000, huge: 100_000_000 } as const;
const labels = { small: '2 KB', medium: '30 KB', large: '1 MB', huge: '100 MB' } as const;
const repetitions = 3;
const secondsEach = 3;

/**
 * Servers on core 0, the load on core 1, in turns; the median of three counts. CPU, since wall clock lies here.
 * @param wanted `small`, `medium`, `large`, `huge`; none: all.
 */
export async function run(wanted: readonly string[]): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'waystation-bench-'));
  const started: Measured[] = [];
  try {
    makeRepository(join(work, 'origin'), sizes);
    const origin = await startOrigin(work, join(work, 'origin'), 1);
    started.push(origin);
    const nginx = await startNginxCache(work, origin.url, 0);
    const pop = await startPop(work, origin.url, 0);
    started.push(nginx, pop);
    console.log(
      `${'body'.padEnd(8)}${'waystation'.padStart(16)}${'nginx'.padStart(16)}${'nginx/waystation'.padStart(18)}`,
    );
    for (const size of ['small', 'medium', 'large', 'huge'] as const) {
      if (wanted.length > 0 && !wanted.includes(size)) continue;
      const figures = new Map<Measured, number[]>([
        [nginx, []],
        [pop, []],
      ]);
      for (const server of figures.keys()) await load(server, size, 1);
      for (let repetition = 0; repetition < repetitions; repetition += 1) {
        for (const [server, list] of figures) list.push(await measured(server, size));
      }
      const ours = median(figures.get(pop) ?? []);
      const theirs = median(figures.get(nginx) ?? []);
      console.log(
        `${labels[size].padEnd(8)}${unit(size, ours).padStart(16)}${unit(size, theirs).padStart(16)}${(theirs / ours).toFixed(2).padStart(18)}`,
      );
    }
    console.log(
      `RSS: waystation ${residentMegabytes(pop.pid).toFixed(0)} MB, nginx ${residentMegabytes(nginx.pid).toFixed(0)} MB`,
    );
  } finally {
    for (const server of started.toReversed()) await server.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

/** CPU seconds of the server for one request. */
async function measured(server: Measured, size: keyof typeof sizes): Promise<number> {
  const before = cpuSeconds(server.pid);
  const requests = await load(server, size, secondsEach);
  return (cpuSeconds(server.pid) - before) / requests;
}

/** @returns requests that were answered. */
async function load(server: Measured, size: keyof typeof sizes, seconds: number): Promise<number> {
  const connections = size === 'huge' ? 2 : 32;
  const text = await output('taskset', [
    '-c',
    '1',
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--timeout',
    '20s',
    `${server.url}/Packages/${size}.rpm`,
  ]);
  const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  if (requests === 0 || /Non-2xx/.test(text)) throw new Error(`${server.name} did not answer the load:\n${text}`);
  return requests;
}

function unit(size: keyof typeof sizes, seconds: number): string {
  return size === 'huge' ? `${((seconds / sizes.huge) * 1e9).toFixed(3)} s/GB` : `${(seconds * 1e6).toFixed(1)} µs/req`;
}
