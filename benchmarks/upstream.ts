import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startOrigin } from './lab/peers.ts';
import { median } from './lab/processes.ts';
import { wayOfUndici, wayOfWaystation } from './lab/upstream-ways.ts';
import type { Way } from './lab/upstream-ways.ts';

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

interface Figures {
  readonly seconds: number;
  /** Seconds of this process, and those of them outside the kernel. */
  readonly cpu: number;
  readonly user: number;
}

/** In turns, the median of some, after one round that is not counted. nginx has no part in the figures of CPU. */
export async function run(givenArguments: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...givenArguments],
    options: {
      small: { type: 'string', default: '20000' },
      large: { type: 'string', default: '40' },
      lanes: { type: 'string', default: '8' },
      times: { type: 'string', default: '3' },
      only: { type: 'string' },
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
      const ways = [wayOfWaystation(`${origin.url}/`), await wayOfUndici(`${origin.url}/`)].filter(
        ({ name }) => values.only === undefined || values.only === name,
      );
      for (const kind of kinds) if (kind.count > 0) await compare(kind, ways, values);
      await Promise.all(ways.map((way) => way.close()));
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

async function compare(
  kind: Kind,
  ways: readonly Way[],
  { lanes, times }: { readonly lanes: string; readonly times: string },
): Promise<void> {
  const found = new Map<Way, Figures[]>(ways.map((way) => [way, []]));
  for (let time = 0; time <= Number(times); time += 1) {
    for (const way of ways) {
      const figures = await measured(kind, way, Number(lanes));
      if (time > 0) found.get(way)?.push(figures);
    }
  }
  const small = kind.name === 'small';
  const units = small ? ['files/s', 'CPU µs/file', 'in user'] : ['MB/s', 'CPU s/GB', 'in user'];
  const title = `${kind.count} files of ${kind.size} bytes`;
  console.log(`${title.padEnd(34)}${units.map((unit) => unit.padStart(13)).join('')}`);
  const gigabytes = (kind.count * kind.size) / 1e9;
  for (const [way, figures] of found) {
    const seconds = median(figures.map((each) => each.seconds));
    const rate = small ? kind.count / seconds : (gigabytes * 1000) / seconds;
    const cost = (of: (each: Figures) => number): string => {
      const spent = median(figures.map(of));
      return (small ? (spent / kind.count) * 1e6 : spent / gigabytes).toFixed(small ? 1 : 2).padStart(13);
    };
    console.log(
      `${way.name.padEnd(34)}${rate.toFixed(0).padStart(13)}${cost(({ cpu }) => cpu)}${cost(({ user }) => user)}`,
    );
  }
  const peak = process.resourceUsage().maxRSS / 1024;
  console.log(`  peak of the memory of all so far ${peak.toFixed(0)} MB; load ${loadavg()[0]?.toFixed(1)}`);
}

async function measured(kind: Kind, way: Way, lanes: number): Promise<Figures> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < kind.count) {
      const file = kind.files[next++ % kind.files.length];
      if (file === undefined) throw new Error('there are no files');
      const hash = createHash('sha256');
      await way.get(file.href, (chunk) => void hash.update(chunk));
      if (hash.digest('hex') !== file.sha256) throw new Error(`${way.name} brought other bytes of ${file.href}`);
    }
  };
  const [cpu, began] = [process.cpuUsage(), performance.now()];
  await Promise.all(Array.from({ length: lanes }, lane));
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpu: (user + system) / 1e6, user: user / 1e6 };
}
