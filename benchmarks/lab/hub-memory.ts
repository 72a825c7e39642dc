import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import type { BenchedHub, Identity } from './hub.ts';
import { cpuSeconds } from './processes.ts';

const clients = 100;
const bytes = 100_000_000;
/** Millions of bytes. */
const bar = 250;

/** Each of many clients takes a large file at the same time, over a connection of its own. */
export async function benchMemory(hub: BenchedHub, work: string): Promise<void> {
  const file = join(work, 'large');
  writeFileSync(file, randomBytes(bytes));
  const path = await hub.putFile(file);
  const identities = await hub.register(10);
  const idle = peakMegabytes(hub.pid);
  const before = cpuSeconds(hub.pid);
  const began = performance.now();
  const lengths = await Promise.all(
    Array.from({ length: clients }, (_, number) => taken(hub.port, path, identities[number % identities.length])),
  );
  const seconds = (performance.now() - began) / 1_000;
  if (lengths.some((length) => length !== bytes)) throw new Error('not everybody got all of it');
  const peak = peakMegabytes(hub.pid);
  const cpu = ((cpuSeconds(hub.pid) - before) / (clients * bytes)) * 1e9;
  console.log(
    `${clients} × ${bytes / 1e6} MB at once: ${seconds.toFixed(1)} s, ${cpu.toFixed(2)} s of CPU a GB; peak RSS ${peak.toFixed(0)} MB (${idle.toFixed(0)} before), bar ${bar}: ${peak <= bar ? 'ok' : 'MISSED'}`,
  );
}

async function taken(port: number, path: string, identity: Identity | undefined): Promise<number> {
  const agent = new Agent({ servername: 'localhost', ...identity });
  const asked = request({ host: '127.0.0.1', port, path, agent }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) length += chunk.length;
  agent.destroy();
  return length;
}

/** The most that a process ever held, by proc_pid_status(5). */
function peakMegabytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1');
  return (Number(/VmHWM:\s+(\d+)/.exec(text)?.[1]) * 1024) / 1e6;
}
