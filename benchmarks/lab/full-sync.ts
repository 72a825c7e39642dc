import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunStatus } from '../../base/status.ts';
import { accountOf, cpuOfStat } from './accounts.ts';
import type { FreshDisk } from './fresh-disk.ts';
import { HitClient } from './hit-client.ts';
import { freePort, stopped, untilAnswering } from './processes.ts';
import type { Program } from './service.ts';

/** A repository to be brought onto an empty file system. */
export interface SyncJob {
  /** Of the origin, with a slash at its end. */
  readonly url: string;
  /** Names of its packages, below `Packages/`. */
  readonly packages: readonly string[];
  /** What a client asks for meanwhile, in turns: paths in the repository of small files, for it times whole answers. */
  readonly asked: readonly string[];
  /** Of all packages together. */
  readonly bytes: number;
  readonly disk: FreshDisk;
}

/** What it took, from the start of the program to the last package. Durations in seconds. */
export interface SyncFigures {
  readonly seconds: number;
  /** Until all of it was durable, too. */
  readonly durable: number;
  readonly cpu: number;
  /** Bytes. */
  readonly peak: number;
  /** Milliseconds of each hit that a client had meanwhile. */
  readonly hits: readonly number[];
}

/** `waystation serve` with the policy `full`; ended when its first run is done. */
export async function syncByWaystation(
  program: Program,
  { url, packages, asked, bytes, disk }: SyncJob,
): Promise<SyncFigures> {
  const [content, admin] = [await freePort(), await freePort()];
  const config = join(disk.folder, 'waystation.yaml');
  const repositories = [{ path: 'bench', url }];
  // JSON is YAML.
  writeFileSync(
    config,
    JSON.stringify({
      listen: { content: `127.0.0.1:${content}`, admin: `127.0.0.1:${admin}` },
      state: join(disk.folder, 'state'),
      subscriptions: [{ name: 'bench', hub: { type: 'yum' }, refresh: '1h', policy: 'full', repositories }],
    }),
  );
  const began = performance.now();
  const child = spawn(program.command, [...program.words, 'serve', '--config', config], { stdio: 'ignore' });
  try {
    await untilAnswering(`http://127.0.0.1:${admin}/healthz/ready`);
    const client = new HitClient(asked.map((path) => `http://127.0.0.1:${content}/content/bench/${path}`));
    await untilSynced(`http://127.0.0.1:${admin}/api/v1/syncs`);
    const seconds = (performance.now() - began) / 1000;
    const { cpu, peak } = accountOf(child.pid ?? 0);
    await client.end();
    demandAll(join(disk.folder, 'state/blobs/open/sha256'), packages.length, bytes);
    return { seconds, durable: seconds, cpu, peak, hits: client.latencies };
  } finally {
    await stopped(child);
  }
}

/** `dnf reposync`, which compares with the metadata's checksums and leaves the rest to the system's write-back. */
export async function syncByDnf({ url, packages, bytes, disk }: SyncJob): Promise<SyncFigures> {
  const [home, target] = [join(disk.folder, 'dnf'), join(disk.folder, 'mirror')];
  mkdirSync(home);
  const own = ['cachedir', 'logdir', 'persistdir'].map((option) => `--setopt=${option}=${home}`);
  const only = ['--setopt=reposdir=', `--repofrompath=bench,${url}`, '--repoid=bench', '--disableplugin=*'];
  const how = ['--enableplugin=reposync', '--releasever=1', '--nogpgcheck', '--norepopath', '--quiet'];
  // The most that it takes.
  const parallel = '--setopt=max_parallel_downloads=20';
  const words = ['dnf', 'reposync', ...own, ...only, ...how, parallel, `--download-path=${target}`];
  const began = performance.now();
  // Its shell tells what a child used that has ended.
  const script = '"$@"; code=$?; cat /proc/$$/stat; exit $code';
  const child = spawn('sh', ['-c', script, 'sh', ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const closed = once(child, 'close');
  const peak = await peakUntil(child.pid ?? 0, closed);
  const [code] = (await closed) as [number | null];
  if (code !== 0) throw new Error(`dnf reposync ended with ${code}:\n${text}`);
  const seconds = (performance.now() - began) / 1000;
  const durable = seconds + (await disk.sync()) / 1000;
  demandAll(target, packages.length, bytes);
  return { seconds, durable, cpu: cpuOfStat(text.trim().split('\n').at(-1) ?? '', 'children only'), peak, hits: [] };
}

async function untilSynced(url: string): Promise<void> {
  for (;;) {
    const answer = (await (await fetch(url)).json()) as { readonly syncs: readonly RunStatus[] };
    const run = answer.syncs.at(0);
    if (run?.state === 'done' && run.failures.length === 0) return;
    if (run !== undefined && run.finished !== null) throw new Error(`the sync failed: ${JSON.stringify(run)}`);
    // Answering costs CPU too, that is counted; what this adds to the time is against us.
    await sleep(250);
  }
}

/** Most bytes that the child of a shell had resident, looked at ten times a second. */
async function peakUntil(shell: number, ended: Promise<unknown>): Promise<number> {
  const state = { over: false, peak: 0 };
  const over = ended.finally(() => (state.over = true));
  while (!state.over) {
    await Promise.race([over, sleep(100)]);
    try {
      const [child] = readFileSync(`/proc/${shell}/task/${shell}/children`, 'latin1').trim().split(' ');
      const { peak } = child ? accountOf(Number(child)) : { peak: 0 };
      // One that is just ending has none.
      if (peak > state.peak) state.peak = peak;
    } catch {
      // It has just ended.
    }
  }
  return state.peak;
}

/** @throws unless a folder holds so many packages of so many bytes; a state directory has metadata beside them. */
function demandAll(folder: string, count: number, bytes: number): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const held = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  if (files.length < count || held < bytes)
    throw new Error(`${folder} has ${files.length} files of ${held} bytes: ${count} of ${bytes} were to come`);
}
