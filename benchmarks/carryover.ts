import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunStatus, Status } from '../base/status.ts';
import { MovingRepository } from './lab/moving-repository.ts';
import { startOrigin } from './lab/peers.ts';
import { freePort, stopped, untilAnswering } from './lab/processes.ts';
import { seededTrace } from './lab/seeded-trace.ts';

export const about =
  'packages asked for after each change of a repository, with and without carry-over: share of hits, same seeded trace';

const names = 1_500;
const flips = 5;
/** Requests before the first change, and after each. */
const requests = 2_000;
/** Of these, so many right after a change count by themselves. */
const first = 300;
const clients = 8;
const limit = '64MiB';

interface Tally {
  asked: number;
  hits: number;
}

/** A PoP, its cache and what its clients got. */
interface Contestant {
  readonly label: string;
  readonly content: string;
  readonly admin: string;
  readonly config: string;
  readonly carries: boolean;
  stop(): Promise<void>;
}

/**
 * Two PoPs before one local origin, one with `carryOver`; both get the same requests in the same order: Zipf-like demand
 * over names, as hosts that install what is current. Between changes each is given the time to carry over.
 * @param words a seed; default 1.
 */
export async function run([seed = '1']: readonly string[]): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'waystation-bench-'));
  const stops: (() => Promise<void>)[] = [];
  try {
    const repository = new MovingRepository(join(work, 'origin'), { names, seed: Number(seed) });
    const origin = await startOrigin(work, join(work, 'origin'), 1, 'open_file_cache off;');
    stops.push(() => origin.stop());
    const contestants: Contestant[] = [];
    for (const carries of [false, true]) {
      const contestant = await startContestant(join(work, carries ? 'with' : 'without'), origin.url, carries);
      contestants.push(contestant);
      stops.push(() => contestant.stop());
    }
    const trace = seededTrace({ names, length: requests * (flips + 1), seed: Number(seed) });
    console.log(`seed ${seed}: ${names} names, ${flips} changes of a third of them, ${requests} requests after each`);
    console.log(
      row(['hits of the', ...contestants.flatMap(({ label }) => [`${label}: first ${first}`, `all ${requests}`])]),
    );
    const totals = contestants.map((): Tally => ({ asked: 0, hits: 0 }));
    for (let round = 0; round <= flips; round += 1) {
      if (round > 0) repository.change();
      const part = trace.slice(round * requests, (round + 1) * requests);
      const cells: string[] = [];
      for (const [index, contestant] of contestants.entries()) {
        if (round > 0) await follows(contestant, repository.repomdDigest);
        const [early, late] = [part.slice(0, first), part.slice(first)];
        const begun = await replay(contestant, early, repository);
        const rest = await replay(contestant, late, repository);
        const all = { asked: begun.asked + rest.asked, hits: begun.hits + rest.hits };
        cells.push(share(begun), share(all));
        const total = totals[index];
        if (round > 0 && total !== undefined) {
          total.asked += begun.asked;
          total.hits += begun.hits;
        }
      }
      console.log(row([round === 0 ? 'cold' : `change ${round}`, ...cells]));
    }
    for (const [index, { label, admin, carries }] of contestants.entries()) {
      const total = totals[index] ?? { asked: 0, hits: 0 };
      console.log(`${label}: ${share(total)} of the first ${first} after a change are hits`);
      if (carries) console.log(`  ${await figures(admin)}`);
    }
  } finally {
    for (const stop of stops.toReversed()) await stop();
    rmSync(work, { recursive: true, force: true });
  }
}

async function startContestant(work: string, origin: string, carries: boolean): Promise<Contestant> {
  const [content, admin] = [await freePort(), await freePort()];
  const config = `${work}.json`;
  const repositories = [{ path: 'bench', url: `${origin}/` }];
  const subscription = { name: 'bench', hub: { type: 'yum' }, refresh: '1h', repositories };
  const listen = { content: `127.0.0.1:${content}`, admin: `127.0.0.1:${admin}`, socket: `${work}.sock` };
  const subscriptions = [{ ...subscription, ...(carries ? { carryOver: limit } : {}) }];
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ listen, state: work, cache: { max: '1GiB', keepFree: '0%' }, subscriptions }));
  const program = join(import.meta.dirname, '../cli/waystation.ts');
  const child = spawn(process.execPath, [program, 'serve', '--config', config], { stdio: 'ignore' });
  process.once('exit', () => void child.kill('SIGKILL'));
  await untilAnswering(`http://127.0.0.1:${admin}/healthz/ready`);
  const label = carries ? `carryOver ${limit}` : 'carryOver off';
  const urls = { content: `http://127.0.0.1:${content}`, admin: `http://127.0.0.1:${admin}` };
  return { label, ...urls, config, carries, stop: () => stopped(child) };
}

/** Resolves once the PoP serves what the origin has now, and has carried over what it will. */
async function follows(contestant: Contestant, repomd: string): Promise<void> {
  const { admin, config, carries } = contestant;
  const program = join(import.meta.dirname, '../cli/waystation.ts');
  const before = (await syncs(admin)).filter(({ kind }) => kind === 'carry-over').length;
  const child = spawn(process.execPath, [program, 'sync', '--wait', '--config', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const status = (await (await fetch(`${admin}/api/v1/status`)).json()) as Status;
  if (code !== 0 || status.subscriptions[0]?.repositories[0]?.repomd !== repomd)
    throw new Error(
      `${contestant.label} did not follow the origin: sync ended with ${code}, ${status.subscriptions[0]?.repositories[0]?.repomd} is served and ${repomd} the origin's`,
    );
  if (!carries) return;
  const end = Date.now() + 60_000;
  for (;;) {
    const runs = (await syncs(admin)).filter(({ kind }) => kind === 'carry-over');
    if (runs.length > before && runs.every(({ finished }) => finished !== null)) return;
    if (Date.now() > end) throw new Error('carry-over does not end');
    await sleep(50);
  }
}

async function syncs(admin: string): Promise<readonly RunStatus[]> {
  return ((await (await fetch(`${admin}/api/v1/syncs`)).json()) as { readonly syncs: readonly RunStatus[] }).syncs;
}

/** Asks for the current version of each name, by several clients. */
async function replay({ content }: Contestant, part: readonly number[], repository: MovingRepository): Promise<Tally> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const tally: Tally = { asked: 0, hits: 0 };
  const next = part.values();
  const client = async (): Promise<void> => {
    for (const name of next) {
      const request = get(`${content}/content/bench/${repository.hrefOf(name)}`, { agent });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.resume();
      await once(response, 'end');
      if (response.statusCode !== 200) throw new Error(`${repository.hrefOf(name)}: ${response.statusCode}`);
      tally.asked += 1;
      if (/; *hit/.test(String(response.headers['cache-status']))) tally.hits += 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, client));
  } finally {
    agent.destroy();
  }
  return tally;
}

async function figures(admin: string): Promise<string> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  const value = (name: string): number => Number(new RegExp(`^waystation_${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
  const [bytes, used] = [value('carry_over_bytes_total'), value('carry_over_used_bytes_total')];
  const percent = bytes === 0 ? 0 : (100 * used) / bytes;
  return `${(bytes / 1e6).toFixed(1)} MB carried over, ${(used / 1e6).toFixed(1)} MB of them (${percent.toFixed(0)} %) asked for later`;
}

function share({ asked, hits }: Tally): string {
  return `${((100 * hits) / asked).toFixed(1)} %`;
}

function row(cells: readonly string[]): string {
  return cells.map((cell, index) => (index === 0 ? cell.padEnd(14) : cell.padStart(28))).join('');
}
