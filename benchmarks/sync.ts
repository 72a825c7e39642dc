import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FreshDisk } from './lab/fresh-disk.ts';
import { syncByDnf, syncByWaystation } from './lab/full-sync.ts';
import type { SyncFigures, SyncJob } from './lab/full-sync.ts';
import { startOrigin } from './lab/peers.ts';
import { median } from './lab/processes.ts';
import { makeRepository } from './lab/repository.ts';
import { programs } from './lab/service.ts';
import type { Program } from './lab/service.ts';

export const about =
  'a full sync from a local nginx beside dnf reposync, each on a fresh ext4: 20,000 files of 30 KB, then 100 of 100 MB [--small COUNT] [--large COUNT] [--large-size BYTES] [--times N] [--program built|sources]; root';

/** Of waystation: its files/s as a multiple of reposync's, microseconds of CPU a file, bytes of memory, milliseconds. */
const bars = { ratio: 3, cpu: 250, peak: 260e6, p99: 50 } as const;

interface Kind {
  readonly name: 'small' | 'large';
  readonly count: number;
  readonly size: number;
}

/** Packages that the client asks for in turns; where packages are large, it asks for metadata. */
const askedFor = 500;

type Contender = 'waystation' | 'dnf reposync';

/**
 * In turns, the median of some; nothing is pinned: a sync may have both cores, and shares them with nginx. Each counts
 * from the start of its program, so that reading the metadata is in it. waystation is done when every file is verified,
 * synced and named; reposync when it ends, and what making it durable takes is told besides. Meanwhile a client asks
 * waystation for small held files.
 */
export async function run(givenArguments: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...givenArguments],
    options: {
      small: { type: 'string', default: '20000' },
      large: { type: 'string', default: '100' },
      'large-size': { type: 'string', default: '100000000' },
      times: { type: 'string', default: '3' },
      program: { type: 'string', default: 'built' },
    },
  });
  const kinds: readonly Kind[] = [
    { name: 'small', count: Number(values.small), size: 30_000 },
    { name: 'large', count: Number(values.large), size: Number(values['large-size']) },
  ];
  const program = programs().find(({ name }) => name === values.program);
  if (program === undefined) throw new Error('--program is built or sources');
  for (const kind of kinds) if (kind.count > 0) await compare(kind, program, Number(values.times));
}

async function compare(kind: Kind, program: Program, times: number): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'waystation-bench-'));
  try {
    const root = join(work, 'origin');
    const names = Array.from({ length: kind.count }, (_, number) => `package-${String(number).padStart(6, '0')}`);
    makeRepository(root, Object.fromEntries(names.map((name) => [name, kind.size])));
    const origin = await startOrigin(work, root, null);
    try {
      const packages = names.map((name) => `${name}.rpm`);
      const bytes = kind.count * kind.size;
      const small = packages.slice(0, askedFor).map((name) => `Packages/${name}`);
      const asked = kind.name === 'small' ? small : ['repodata/repomd.xml'];
      const job = { url: `${origin.url}/`, packages, asked, bytes };
      const found: Record<Contender, SyncFigures[]> = { waystation: [], 'dnf reposync': [] };
      const contenders = { waystation: (of: SyncJob) => syncByWaystation(program, of), 'dnf reposync': syncByDnf };
      for (let time = 0; time < times; time += 1) {
        for (const name of Object.keys(contenders) as Contender[]) {
          await using disk = await FreshDisk.mount(work, 'disk', bytes);
          found[name].push(await contenders[name]({ ...job, disk }));
        }
      }
      print(kind, found);
    } finally {
      await origin.stop();
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function print(kind: Kind, found: Readonly<Record<Contender, readonly SyncFigures[]>>): void {
  const { name, count, size } = kind;
  const gigabytes = (count * size) / 1e9;
  const units = name === 'small' ? ['files/s', 'durable', 'CPU µs/file'] : ['MB/s', 'durable', 'CPU s/GB'];
  console.log(
    `${`${count} files of ${size} bytes`.padEnd(30)}${[...units, 'peak MB'].map((unit) => unit.padStart(13)).join('')}`,
  );
  const amount = name === 'small' ? count : gigabytes * 1000;
  for (const [contender, figures] of Object.entries(found)) {
    const of = (figure: (of: SyncFigures) => number, digits = 0): string =>
      median(figures.map(figure)).toFixed(digits).padStart(13);
    const cpu = name === 'small' ? of((each) => (each.cpu / count) * 1e6) : of((each) => each.cpu / gigabytes, 2);
    console.log(
      `${contender.padEnd(30)}${of(({ seconds }) => amount / seconds)}${of(({ durable }) => amount / durable)}${cpu}${of(({ peak }) => peak / 1e6)}`,
    );
  }
  const ours = found.waystation;
  const ratio =
    median(found['dnf reposync'].map(({ seconds }) => seconds)) / median(ours.map(({ seconds }) => seconds));
  verdict(
    `${name === 'small' ? 'files/s' : 'MB/s'} as a multiple of reposync's`,
    ratio,
    name === 'small' ? { least: bars.ratio } : { least: 1 },
  );
  if (name === 'small') verdict('CPU µs/file', median(ours.map(({ cpu }) => (cpu / count) * 1e6)), { most: bars.cpu });
  verdict('peak MB', Math.max(...ours.map(({ peak }) => peak)) / 1e6, { most: bars.peak / 1e6 });
  const hits = ours.flatMap((each) => each.hits).toSorted((one, other) => one - other);
  verdict(`p99 ms of ${hits.length} hits meanwhile`, hits[Math.floor(hits.length * 0.99)] ?? Number.NaN, {
    most: bars.p99,
  });
  console.log(`  slowest hit ${(hits.at(-1) ?? Number.NaN).toFixed(0)} ms; load ${loadavg()[0]?.toFixed(1)}`);
}

function verdict(what: string, figure: number, bar: { readonly least: number } | { readonly most: number }): void {
  const met = 'least' in bar ? figure >= bar.least : figure <= bar.most;
  const wanted = 'least' in bar ? `at least ${bar.least}` : `at most ${bar.most}`;
  console.log(`  ${what}: ${figure.toFixed(1)} (${wanted}) ${met ? 'ok' : 'MISSED'}`);
}
