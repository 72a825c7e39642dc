import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onMadeStates } from './lab/made-states.ts';
import type { MadeState } from './lab/made-states.ts';
import { output, residentMegabytes } from './lab/processes.ts';
import { programs, Service } from './lab/service.ts';

export const about =
  'bytes of the index for each blob, and RSS with 1,000,000 blobs and 20 repositories × 3 generations × 60,000 packages [--in FOLDER]';

const bars = { perBlob: 48, resident: 250 } as const;
/** Milliseconds after which memory that is not used is taken to be given back. */
const settles = 30_000;

/** The service is the built program, its upstream is gone. Memory is what the kernel says that it holds (VmRSS, VmHWM). */
export async function run(givenArguments: readonly string[]): Promise<void> {
  console.log(`${'index, blobs'.padEnd(34)}${'bytes each'.padStart(12)}${'bar'.padStart(8)}`);
  for (const blobs of [10_000, 100_000, 1_000_000]) {
    const script = join(import.meta.dirname, 'lab/index-memory.ts');
    const each = Number(await output(process.execPath, ['--expose-gc', script, String(blobs)])) / blobs;
    // What does not grow with the blobs is the larger part of a small index.
    const verdict = each <= bars.perBlob ? 'ok' : blobs < 1_000_000 ? 'above, of which most is fixed' : 'MISSED';
    console.log(
      `${String(blobs).padEnd(34)}${each.toFixed(1).padStart(12)}${String(bars.perBlob).padStart(8)} ${verdict}`,
    );
  }
  console.log(`${'service, MB'.padEnd(34)}${'RSS'.padStart(12)}${'bar'.padStart(8)}`);
  await onMadeStates(givenArguments, ['1000000'], async (made) => {
    const [built] = programs();
    if (built === undefined) throw new Error('there is no program');
    // The first start counts from names, the second has the snapshot of its clean stop.
    for (const start of ['from names', 'from the snapshot']) {
      const service = await Service.start(made, built);
      try {
        await measure(service, made, start);
      } finally {
        await service.end('SIGTERM');
      }
    }
  });
}

async function measure(service: Service, { shape }: MadeState, start: string): Promise<void> {
  const print = (when: string): void => {
    const resident = residentMegabytes(service.pid);
    const verdict = resident <= bars.resident ? 'ok' : 'MISSED';
    console.log(
      `${when.padEnd(34)}${resident.toFixed(0).padStart(12)}${String(bars.resident).padStart(8)} ${verdict} (${rollup(service.pid)})`,
    );
  };
  await service.listening;
  print(`${shape.blobs}, listening`);
  await service.counted;
  print(`counted ${start}`);
  for (let repository = 0; repository < shape.repositories; repository += 1) await service.ask(repository, 7);
  print('each repository asked');
  const seconds = await service.status();
  print(`status --json (${seconds.toFixed(1)} s)`);
  await service.longestDelay();
  await sleep(settles);
  print('30 s later');
  console.log(`  longest delay of its event loop in these 30 s: ${(await service.longestDelay()).toFixed(1)} ms`);
  print(`peak ${peakMegabytes(service.pid).toFixed(0)}, now`);
}

/** What of it is the program's file, shared with other processes and the page cache. */
function rollup(pid: number): string {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1');
  const of = (name: string): string => (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1]) / 1024).toFixed(0);
  return `anonymous ${of('RssAnon')}, file ${of('RssFile')}`;
}

function peakMegabytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
}
