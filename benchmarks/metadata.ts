import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../base/digest.ts';
import { makeLargeRepository, showRepomd } from './lab/large-repository.ts';
import type { LargeMetadata } from './lab/large-repository.ts';
import { copyState, forgetReading, MetadataPop } from './lab/metadata-pop.ts';
import type { Reading } from './lab/metadata-pop.ts';
import { startOrigin } from './lab/peers.ts';
import { median, output } from './lab/processes.ts';
import { makeRepository } from './lab/repository.ts';

export const about =
  'a repository of 60,000 packages, from downloaded metadata to published, by the scanner and by saxes, beside createrepo_c [PACKAGES]';

const seed = 7;
const repetitions = 3;
/** Times createrepo_c's CPU; megabytes; milliseconds. */
const bars = { cpu: 1.5, scanner: 60, saxes: 140, hit: 20 } as const;
/** Milliseconds between two hits while metadata is read. */
const pause = 10;
/** For the interpreter that Debian's package is for. */
const python = '/usr/bin/python3';

/** createrepo_c's own reader (python3-createrepo-c), decompression included; its import is not. Prints CPU seconds. */
const createrepoParse = `
import createrepo_c, resource, sys
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
for kind, path in zip(sys.argv[1::2], sys.argv[2::2]):
    before = cpu()
    count = [0]
    def seen(package):
        count[0] += 1
    getattr(createrepo_c, 'xml_parse_' + kind)(path, None, seen, None)
    print(kind, cpu() - before, count[0])
`;

interface Prepared {
  readonly name: 'scanner' | 'saxes';
  readonly origin: string;
  readonly metadata: LargeMetadata;
  /** A state directory that holds the records, and has published the repository without packages. */
  readonly state: string;
}

/**
 * Compared with createrepo_c is its parse of primary.xml.gz alone, of the same file, in turns: what is read for the map.
 * (It needs filelists and other as well to make a repository; what these take is printed.) Ours is the whole of a run
 * that finds every record held: records looked at, primary decompressed, checked against its open checksum, parsed and
 * written as a map, generation published, with a hit every 10 ms. The fall-back scans to the end before it gives up.
 */
export async function run([packages = '60000']: readonly string[]): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'waystation-bench-'));
  const count = Number(packages);
  try {
    const prepared = [
      await prepare(work, { name: 'scanner', packages: count }),
      await prepare(work, { name: 'saxes', packages: count }),
    ];
    const parses: number[] = [];
    const readings = new Map(prepared.map(({ name }) => [name, [] as Measured[]]));
    let others = '';
    for (let repetition = 0; repetition < repetitions; repetition += 1) {
      const parsed = await parse(prepared[0]?.metadata);
      parses.push(parsed.primary);
      others = parsed.others;
      for (const one of prepared) readings.get(one.name)?.push(await measure(work, one, count));
    }
    const theirs = median(parses);
    console.log(`createrepo_c, CPU s: primary ${theirs.toFixed(2)} (${others}); load ${loadavg()[0]?.toFixed(1)}`);
    const columns = ['CPU s', 'times', 'bar', 'wall s', 'RSS +MB', 'bar', 'p99 hit', 'bar', 'slowest'];
    console.log(`${''.padEnd(12)}${columns.map((name) => name.padStart(9)).join('')}`);
    for (const [name, list] of readings) print(name, list, theirs);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

interface Measured extends Reading {
  readonly p99: number;
  readonly slowest: number;
}

function print(name: Prepared['name'], list: readonly Measured[], theirs: number): void {
  const of = (figure: (measured: Measured) => number): number => median(list.map(figure));
  const [cpu, growth, p99] = [of((each) => each.cpu), of((each) => each.growth), of((each) => each.p99)];
  // The fall-back reads everything twice, the second time with a parser of four times the cost: it has no bar of CPU.
  const missed = [name === 'scanner' && cpu / theirs > bars.cpu, growth > bars[name], p99 > bars.hit];
  const figures = [
    cpu.toFixed(2),
    (cpu / theirs).toFixed(2),
    name === 'scanner' ? String(bars.cpu) : '',
    of((each) => each.wall).toFixed(1),
    growth.toFixed(0),
    String(bars[name]),
    p99.toFixed(1),
    String(bars.hit),
    of((each) => each.slowest).toFixed(1),
  ];
  const verdict = missed.includes(true) ? 'MISSED' : 'ok';
  console.log(`${name.padEnd(12)}${figures.map((text) => text.padStart(9)).join('')} ${verdict}`);
}

/** Has a service read the repository once, so that its records are held; then forgets what was made of them. */
async function prepare(
  work: string,
  { name, packages }: { readonly name: Prepared['name']; readonly packages: number },
): Promise<Prepared> {
  const origin = join(work, `origin-${name}`);
  const large = join(origin, 'large');
  const metadata = await makeLargeRepository(large, { packages, seed, unusual: name === 'saxes' });
  makeRepository(join(origin, 'small'), { hit: 30_000 });
  showRepomd(large, metadata.empty);
  const folder = join(work, `prepared-${name}`);
  await withPop(work, { origin, folder }, async (pop) => {
    await warmed(pop);
    showRepomd(large, metadata.full);
    await pop.read();
    if ((await pop.listed()) !== packages) throw new Error(`${name}: ${await pop.listed()} packages are listed`);
  });
  const state = join(folder, 'state');
  const documents = readdirSync(join(state, 'generations/large')).toSorted();
  const map = digestOf(readFileSync(metadata.primary)).replace('sha256:', '');
  // Ids begin with their time. What is current is then what is left.
  forgetReading(
    state,
    map,
    documents.slice(1).map((file) => basename(file, '.json')),
  );
  return { name, origin, metadata, state };
}

async function measure(work: string, { origin, metadata, state, name }: Prepared, packages: number): Promise<Measured> {
  const folder = join(work, `measured-${name}`);
  mkdirSync(folder, { recursive: true });
  copyState(state, join(folder, 'state'));
  const large = join(origin, 'large');
  showRepomd(large, metadata.empty);
  let measured: Measured | null = null;
  await withPop(work, { origin, folder }, async (pop) => {
    await warmed(pop);
    showRepomd(large, metadata.full);
    const reading = { over: false };
    const read = pop.read().finally(() => (reading.over = true));
    const latencies: number[] = [];
    while (!reading.over) {
      latencies.push(await hit(pop));
      await sleep(pause);
    }
    const sorted = latencies.toSorted((one, other) => one - other);
    const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
    measured = { ...(await read), p99, slowest: sorted.at(-1) ?? Number.NaN };
    if ((await pop.listed()) !== packages) throw new Error(`${name}: ${await pop.listed()} packages are listed`);
  });
  if (measured === null) throw new Error('nothing was measured');
  return measured;
}

async function withPop(
  work: string,
  { origin, folder }: { readonly origin: string; readonly folder: string },
  use: (pop: MetadataPop) => Promise<void>,
): Promise<void> {
  const server = await startOrigin(work, origin, 1, 'open_file_cache off;');
  try {
    const pop = await MetadataPop.start(folder, server.url);
    try {
      await use(pop);
    } finally {
      await pop.stop();
    }
  } finally {
    await server.stop();
  }
}

/** What a service does all day is compiled, and its memory is what it is. */
async function warmed(pop: MetadataPop): Promise<void> {
  for (let number = 0; number < 500; number += 1) await hit(pop);
}

/** @returns milliseconds that a held file took. */
async function hit(pop: MetadataPop): Promise<number> {
  const began = performance.now();
  const response = await fetch(`${pop.content}/small/Packages/hit.rpm`);
  const { byteLength } = await response.arrayBuffer();
  if (!response.ok || byteLength !== 30_000) throw new Error(`a hit was answered ${response.status}`);
  return performance.now() - began;
}

async function parse(metadata: LargeMetadata | undefined): Promise<{ primary: number; others: string }> {
  if (metadata === undefined) throw new Error('nothing was prepared');
  const { primary, filelists, other } = metadata;
  // It tells compressions by names.
  const words = ['primary', primary, 'filelists', filelists, 'other', other];
  const lines = (await output(python, ['-c', createrepoParse, ...words])).trim().split('\n');
  const seconds = new Map(lines.map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]));
  const others = ['filelists', 'other'].map((kind) => `${kind} ${seconds.get(kind)?.toFixed(2)}`).join(', ');
  return { primary: seconds.get('primary') ?? Number.NaN, others };
}
