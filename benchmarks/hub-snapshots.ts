import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuOfStat } from './lab/accounts.ts';
import { startOrigin } from './lab/peers.ts';
import { output } from './lab/processes.ts';
import { WeeklyRepository } from './lab/weekly-repository.ts';

export const about =
  'the second weekly snapshot of a repository with 60,000 tiny packages, of which 2 % are others: seconds, CPU, memory, what is stored; then comparison and collection [PACKAGES]';

const seed = 11;
/** Every so many packages are others the next week: 2 %. */
const every = 50;
const wide = 30;
const executable = join(import.meta.dirname, '../cli/waystation.ts');

interface Figures {
  readonly seconds: number;
  readonly cpu: number;
  /** Most bytes of memory that were resident. */
  readonly peak: number;
}

/** What is in the store. */
interface Stored {
  readonly files: number;
  readonly bytes: number;
}

export async function run([packages = '60000']: readonly string[]): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'waystation-bench-'));
  const count = Number(packages);
  try {
    const root = join(work, 'origin');
    const origin = await startOrigin(work, root, null, 'open_file_cache off;');
    try {
      const config = join(work, 'hub.yaml');
      const places = 'store: { type: directory, path: store }\nkeys: keys\nstate: state\n';
      writeFileSync(config, `publicUrl: https://hub.example.com\n${places}`);
      const hub = (...words: string[]): readonly string[] => [executable, 'hub', ...words, '--config', config];
      await output(process.execPath, hub('init'));
      mkdirSync(join(work, 'state'), { recursive: true });
      console.log(
        `${`${count} packages`.padEnd(wide)}${['s', 'CPU s', 'peak MB', 'files', 'MB'].map((unit) => unit.padStart(10)).join('')}`,
      );
      for (const [number, policy] of ['full', 'metadata-only'].entries()) {
        const repository = new WeeklyRepository(join(root, policy), { packages: count, seed: seed + number });
        const from = join(work, `${policy}.yaml`);
        const repositories = [{ type: 'yum', path: policy, url: `${origin.url}/${policy}/` }];
        writeFileSync(from, JSON.stringify({ policy, repositories }));
        const create = (week: number): readonly string[] =>
          hub('snapshot', 'create', `${policy}-${week}`, '--from', from, '--json');
        await told(work, `${policy}, first`, create(1));
        const changed = repository.change(every);
        await told(work, `${policy}, ${changed} others`, create(2));
        await told(work, 'the same again', create(2));
      }
      await told(work, 'diff', hub('snapshot', 'diff', 'full-1', 'full-2', '--json'));
      for (const name of ['full-1', 'metadata-only-1']) await output(process.execPath, hub('snapshot', 'retire', name));
      // So that what was just written is old enough.
      await sleep(1_500);
      await told(work, 'collect', hub('collect', '--age', '1s'));
      console.log(`load ${loadavg()[0]?.toFixed(1)}`);
    } finally {
      await origin.stop();
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Runs a command and tells what it took, and what is in the store more than before. */
async function told(work: string, what: string, words: readonly string[]): Promise<void> {
  const before = stored(join(work, 'store/public'));
  const { seconds, cpu, peak } = await measured(words);
  const after = stored(join(work, 'store/public'));
  const [files, bytes] = [after.files - before.files, after.bytes - before.bytes];
  const figures = [
    seconds.toFixed(1),
    cpu.toFixed(1),
    (peak / 1e6).toFixed(0),
    String(files),
    (bytes / 1e6).toFixed(1),
  ];
  console.log(`${what.padEnd(wide)}${figures.map((text) => text.padStart(10)).join('')}`);
}

/** A command from its start to its end. @throws when it fails. */
async function measured(words: readonly string[]): Promise<Figures> {
  const began = performance.now();
  // Its shell tells what a child used that has ended.
  const script = '"$@" >/dev/null; code=$?; cat /proc/$$/stat; exit $code';
  const child = spawn('sh', ['-c', script, 'sh', process.execPath, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const closed = once(child, 'close');
  const state = { over: false, peak: 0 };
  void closed.finally(() => (state.over = true));
  while (!state.over) {
    await Promise.race([closed, sleep(50)]);
    state.peak = Math.max(state.peak, peakBelow(child.pid ?? 0));
  }
  const [code] = (await closed) as [number | null];
  if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}`);
  const seconds = (performance.now() - began) / 1000;
  return { seconds, cpu: cpuOfStat(text.trim().split('\n').at(-1) ?? '', 'children only'), peak: state.peak };
}

/** Most bytes that the first child of a shell had resident so far. */
function peakBelow(shell: number): number {
  try {
    const [child] = readFileSync(`/proc/${shell}/task/${shell}/children`, 'latin1').trim().split(' ');
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child}/status`, 'latin1'))?.[1] ?? 0) * 1024;
  } catch {
    // It has ended.
    return 0;
  }
}

function stored(folder: string): Stored {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
  return { files: files.length, bytes };
}
