import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startOrigin } from './lab/peers.ts';
import { nodeOptions } from '../packaging/executable.ts';
import { median, output } from './lab/processes.ts';
import type { GettingFigures, GettingJob, Gotten } from './lab/upstream-getter.ts';

export const about =
  'GETs from a local nginx through the sources of a repository beside plain undici, verified by sha256: files of 30 KB and of 100 MB [--small COUNT] [--large COUNT] [--lanes N] [--times N]';

/** Files of each size that are asked for in turns. */
const different = 50;

interface Kind {
  readonly name: string;
  readonly size: number;
  readonly count: number;
  readonly files: readonly { readonly href: string; readonly sha256: string }[];
}

/**
 * In turns, each in a process of its own, which runs as the executable does; the median of some rounds after one that is
 * not counted. nginx has no part in the figures of CPU.
 */
export async function run(givenArguments: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...givenArguments],
    options: {
      small: { type: 'string', default: '20000' },
      large: { type: 'string', default: '40' },
      lanes: { type: 'string', default: '8' },
      times: { type: 'string', default: '3' },
    },
  });
  const work = mkdtempSync(join(tmpdir(), 'waystation-bench-'));
  try {
    const root = join(work, 'origin');
    mkdirSync(root);
    const kinds = [
      kindOf(root, { name: 'small', size: 30_000, count: Number(values.small) }, different),
      kindOf(root, { name: 'large', size: 100_000_000, count: Number(values.large) }, 2),
    ];
    const origin = await startOrigin(work, root, null);
    try {
      for (const kind of kinds) if (kind.count > 0) await compare(kind, `${origin.url}/`, values);
    } finally {
      await origin.stop();
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function kindOf(root: string, kind: Omit<Kind, 'files'>, files: number): Kind {
  const made = Array.from({ length: kind.count === 0 ? 0 : files }, (_, number) => {
    const href = `${kind.name}-${String(number).padStart(6, '0')}.rpm`;
    const bytes = randomBytes(kind.size);
    writeFileSync(join(root, href), bytes);
    return { href, sha256: createHash('sha256').update(bytes).digest('hex') };
  });
  return { ...kind, files: made };
}

const ways = ['waystation', "undici's dispatch"] as const;

async function compare(
  { name, size, count, files }: Kind,
  url: string,
  { lanes, times }: { readonly lanes: string; readonly times: string },
): Promise<void> {
  const small = name === 'small';
  const units = [...(small ? ['files/s', 'CPU µs/file'] : ['MB/s', 'CPU s/GB']), 'in user', 'peak MB'];
  console.log(`${`${count} files of ${size} bytes`.padEnd(34)}${units.map((unit) => unit.padStart(13)).join('')}`);
  const gigabytes = (count * size) / 1e9;
  for (const way of ways) {
    const job: GettingJob = { way, url, files, count, lanes: Number(lanes), rounds: Number(times) };
    const { rounds, peak } = await gotten(job);
    const of = (figure: (each: GettingFigures) => number): number => median(rounds.map(figure));
    const seconds = of((each) => each.seconds);
    const columns = [
      (small ? count / seconds : (gigabytes * 1000) / seconds).toFixed(0),
      ...[of(({ cpu }) => cpu), of(({ user }) => user)].map((spent) =>
        small ? ((spent / count) * 1e6).toFixed(1) : (spent / gigabytes).toFixed(2),
      ),
      (peak / 1e6).toFixed(0),
    ];
    console.log(`${way.padEnd(34)}${columns.map((column) => column.padStart(13)).join('')}`);
  }
  console.log(`  load ${loadavg()[0]?.toFixed(1)}`);
}

async function gotten(job: GettingJob): Promise<Gotten> {
  const program = join(import.meta.dirname, 'lab/upstream-getter.ts');
  return JSON.parse(await output(process.execPath, [...nodeOptions, program, JSON.stringify(job)])) as Gotten;
}
