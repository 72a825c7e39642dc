import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds, median } from './lab/processes.ts';
import { onMadeStates } from './lab/made-states.ts';
import type { MadeState } from './lab/made-states.ts';
import { programs, Service } from './lab/service.ts';
import type { Program } from './lab/service.ts';
import { heldOf } from './lab/state-maker.ts';

export const about =
  'start with 10,000, 100,000 and 1,000,000 blobs [--program built|sources] [--in FOLDER]: first hit, index and latency of hits meanwhile, after a clean stop and after SIGKILL';

const repetitions = 3;
/** Milliseconds between two hits while the index is built. */
const pause = 3;
/** Milliseconds to the first hit, for the built program; of what lies between two sizes the larger one's. */
const bars = { clean: { small: 300, large: 2_000 }, killed: { small: 2_000, large: 5_000 } } as const;
const smallest = 10_000;

/** One start. Milliseconds; `cpu` is of the process until it had counted and answered. */
interface Start {
  readonly listening: number;
  readonly firstHit: number;
  /** Of the process until then. */
  readonly startCpu: number;
  readonly counted: number;
  readonly slowestHit: number;
  readonly p99: number;
  readonly delay: number;
  readonly cpu: number;
  readonly from: unknown;
}

/**
 * The files' names are in the page cache: the state was made just now. The upstream is gone. The bars of the first hit
 * hold for the built program; `slowest` and `p99` are of hits asked for one after the other until the index was whole,
 * `delay` is the longest of the service's event loop since the first hit, as its metrics tell.
 */
export async function run(givenArguments: readonly string[]): Promise<void> {
  const columns = ['listening', 'first hit', 'bar', 'its CPU', 'counted', 'p99 hit', 'slowest', 'delay', 'CPU'];
  console.log(`${'ms, median of three'.padEnd(34)}${columns.map((name) => name.padStart(10)).join('')}`);
  await onMadeStates(givenArguments, ['10000', '100000', '1000000'], async (made, only) => {
    for (const program of programs()) if (only === null || only === program.name) await measure(made, program);
  });
}

async function measure(made: MadeState, program: Program): Promise<void> {
  const starts: Record<'clean' | 'killed', Start[]> = { clean: [], killed: [] };
  // Counts from names, and leaves the first snapshot.
  const first = await Service.start(made, program);
  await Promise.all([first.listening, first.counted]);
  const stops = [await first.end('SIGTERM')];
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const clean = await Service.start(made, program);
    starts.clean.push(await observed(clean, made));
    await clean.end('SIGKILL');
    const killed = await Service.start(made, program);
    starts.killed.push(await observed(killed, made));
    stops.push(await killed.end('SIGTERM'));
  }
  for (const kind of ['clean', 'killed'] as const) {
    const of = (figure: (start: Start) => number): number => median(starts[kind].map(figure));
    const size = made.shape.blobs === smallest ? 'small' : 'large';
    const bar = bars[kind][size];
    const hit = of(({ firstHit }) => firstHit);
    const verdict = program.name === 'sources' ? '' : hit < bar ? ' ok' : ' MISSED';
    const figures = [
      of(({ listening }) => listening).toFixed(0),
      hit.toFixed(0),
      program.name === 'built' ? String(bar) : '',
      of(({ startCpu }) => startCpu).toFixed(0),
      of(({ counted }) => counted).toFixed(0),
      of(({ p99 }) => p99).toFixed(1),
      of(({ slowestHit }) => slowestHit).toFixed(1),
      of(({ delay }) => delay).toFixed(1),
      of(({ cpu }) => cpu).toFixed(0),
    ];
    const from = [...new Set(starts[kind].map((start) => start.from))].join(', ');
    const name = `${made.shape.blobs} ${program.name}, ${kind} (${from})`;
    console.log(`${name.padEnd(34)}${figures.map((text) => text.padStart(10)).join('')}${verdict}`);
  }
  console.log(`  clean stop ${median(stops).toFixed(0)} ms; load ${loadavg()[0]?.toFixed(1)}`);
}

async function observed(service: Service, { shape }: MadeState): Promise<Start> {
  const [listening, firstHit] = await Promise.all([service.listening, service.firstHit()]);
  const startCpu = cpuSeconds(service.pid) * 1000;
  // Forgets the time in which modules were loaded.
  await service.longestDelay();
  const counting = { over: false };
  const counted = service.counted.finally(() => (counting.over = true));
  const latencies: number[] = [];
  for (let number = 1; !counting.over || latencies.length < 20; number += 1) {
    const repository = number % shape.repositories;
    // All over the repository: most are neither remembered nor open.
    latencies.push(await service.ask(repository, (number * 7_919) % heldOf(shape, repository)));
    await sleep(pause);
  }
  const { at, line } = await counted;
  const cpu = cpuSeconds(service.pid) * 1000;
  const sorted = latencies.toSorted((one, other) => one - other);
  return {
    listening,
    firstHit,
    startCpu,
    counted: at,
    p99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
    slowestHit: sorted.at(-1) ?? Number.NaN,
    delay: await service.longestDelay(),
    cpu,
    from: line['from'],
  };
}
