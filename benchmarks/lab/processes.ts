import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A program under measurement, pinned to one core. */
export interface Measured {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts a program, pinned to a core unless that is null; its output goes nowhere. */
export function startPinned(
  core: number | null,
  command: string,
  words: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  const options = { stdio: 'ignore', env: environment } as const;
  if (core === null) return spawn(command, words, options);
  return spawn('taskset', ['-c', String(core), command, ...words], options);
}

/** Seconds of CPU that a process, its threads and its children have used, by the scheduler's own account. */
export function cpuSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const process of withChildren(pid)) {
    for (const task of entries(`/proc/${process}/task`)) {
      nanoseconds += Number(readText(`/proc/${process}/task/${task}/schedstat`).split(' ')[0] ?? 0);
    }
  }
  return nanoseconds / 1e9;
}

/** Resident memory of a process and its children in MB. */
export function residentMegabytes(pid: number): number {
  let kilobytes = 0;
  for (const process of withChildren(pid))
    kilobytes += Number(/VmRSS:\s+(\d+)/.exec(readText(`/proc/${process}/status`))?.[1] ?? 0);
  return kilobytes / 1024;
}

/** Runs a command to its end and gives its stdout. @throws when it fails. */
export function output(command: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(text) : reject(new Error(`${command} ended with ${code}`))));
  });
}

export async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  await ended;
}

/** A loopback port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Waits until something answers there with a status below 500. */
export async function untilAnswering(url: string): Promise<void> {
  const end = Date.now() + 60_000;
  for (;;) {
    try {
      const answer = await fetch(url);
      await answer.arrayBuffer();
      if (answer.status < 500) return;
    } catch {
      // Not listening yet.
    }
    if (Date.now() > end) throw new Error(`${url} does not answer`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** A process and those that come from it. */
export function withChildren(pid: number): number[] {
  const children = readText(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(withChildren)];
}

function entries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
