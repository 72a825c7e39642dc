import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onMadeStates } from './lab/made-states.ts';
import type { MadeState } from './lab/made-states.ts';
import { output } from './lab/processes.ts';
import { programs, Service } from './lab/service.ts';
import { makeGarbage } from './lab/state-maker.ts';

export const about =
  'bytes of the index for each blob, and RSS with 1,000,000 blobs and 20 repositories × 3 generations × 60,000 packages, also while garbage is collected (some 10 min) [--in FOLDER]';

/** Bytes, and millions of bytes. */
const bars = { perBlob: 48, resident: 250 } as const;
/** Milliseconds after which memory that is not used is taken to be given back. */
const settles = 30_000;
/** Milliseconds within which the first pass that collects has ended: it begins some 6 minutes after the start. */
const collectsWithin = 15 * 60_000;

/** The service is the built program, its upstream is gone. Memory is what the kernel says that it holds. */
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
    for (const start of ['from names', 'from the snapshot'] as const) {
      if (start === 'from names') makeGarbage(made.state);
      const service = await Service.start(made, built);
      try {
        await measure(service, made, start);
        if (start === 'from names') await collecting(service);
      } finally {
        await service.end('SIGTERM');
      }
    }
  });
}

async function measure(service: Service, { shape }: MadeState, start: string): Promise<void> {
  const print = (when: string): void => printResident(service, when);
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
  print(`peak ${fieldOf(service.pid, 'VmHWM').toFixed(0)}, now`);
}

/** The pass that marks what documents refer to, and removes the rest. */
async function collecting(service: Service): Promise<void> {
  await service.longestDelay();
  // The peak begins anew (proc(5)).
  writeFileSync(`/proc/${service.pid}/clear_refs`, '5');
  await service.collected(collectsWithin);
  printResident(service, `collected; peak ${fieldOf(service.pid, 'VmHWM').toFixed(0)}, now`);
  console.log(`  longest delay of its event loop meanwhile: ${(await service.longestDelay()).toFixed(1)} ms`);
}

function printResident({ pid }: Service, when: string): void {
  const resident = fieldOf(pid, 'VmRSS');
  const verdict = resident <= bars.resident ? 'ok' : 'MISSED';
  // What of it is the program's file is shared with other processes and the page cache.
  const parts = `anonymous ${fieldOf(pid, 'RssAnon').toFixed(0)}, file ${fieldOf(pid, 'RssFile').toFixed(0)}`;
  console.log(
    `${when.padEnd(34)}${resident.toFixed(0).padStart(12)}${String(bars.resident).padStart(8)} ${verdict} (${parts})`,
  );
}

/** A field of proc_pid_status(5), in millions of bytes. */
function fieldOf(pid: number, name: string): number {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1');
  return (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1]) * 1024) / 1e6;
}
