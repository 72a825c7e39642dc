import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { contentOf } from '../../protocol/snapshot.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import type { BenchedHub, Identity } from './hub.ts';
import { cpuSeconds, residentMegabytes } from './processes.ts';

const pops = 200;
const promotions = 10;
/** Seconds for which nothing happens. */
const quiet = 30;
/** Milliseconds. */
const bar = 2_000;

/** Many PoPs wait for their assignments at one process: what that costs, and how soon they hear of a promotion. */
export async function benchWaiting(hub: BenchedHub): Promise<void> {
  const waiting = (await hub.register(pops)).map((identity) => new WaitingPop(hub.port, identity));
  for (const pop of waiting) await pop.ask(0);
  const held = waiting.map((pop) => pop.ask(60));
  await sleep(2_000);
  const before = cpuSeconds(hub.pid);
  await sleep(quiet * 1_000);
  const hourly = ((cpuSeconds(hub.pid) - before) / quiet) * 3_600;
  const memory = residentMegabytes(hub.pid).toFixed(0);
  console.log(
    `${pops} PoPs wait: ${(hourly / pops).toFixed(2)} s of CPU a PoP and hour (${(hourly / 36).toFixed(2)} % of a core), RSS ${memory} MB`,
  );
  const latencies: number[] = [];
  let asked = held;
  for (let number = 0; number < promotions; number += 1) {
    const began = performance.now();
    const told = asked.map(async (answer) => {
      if ((await answer) !== 200) throw new Error('a PoP was not told of a promotion');
      latencies.push(performance.now() - began);
    });
    await hub.parts.channels.promote('bench', snapshot(`week-${number}`), { by: 'bench', why: null });
    await Promise.all(told);
    asked = waiting.map((pop) => pop.ask(60));
    await sleep(500);
  }
  const sorted = latencies.toSorted((one, other) => one - other);
  const at = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN;
  const [p50, p99] = [at(0.5), at(0.99)];
  console.log(
    `${promotions} promotions, each to ${pops} PoPs: median ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, bar ${bar}: ${p99 <= bar ? 'ok' : 'MISSED'}`,
  );
  for (const pop of waiting) pop.close();
  await Promise.allSettled(asked);
}

class WaitingPop {
  readonly #agent: Agent;
  readonly #port: number;
  #etag = '""';

  constructor(port: number, identity: Identity) {
    this.#port = port;
    this.#agent = new Agent({ keepAlive: true, servername: 'localhost', ...identity });
  }

  /** Asks for its assignment, and waits for so many seconds for another one. @returns the status. */
  async ask(seconds: number): Promise<number> {
    const headers = { 'if-none-match': this.#etag, prefer: `wait=${seconds}` };
    const asked = request({ host: '127.0.0.1', port: this.#port, path: '/v1/assignment', agent: this.#agent, headers });
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    for await (const chunk of response) void chunk;
    this.#etag = response.headers.etag ?? '""';
    return response.statusCode ?? 0;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function snapshot(name: string): SnapshotDocument {
  const content = contentOf({ policy: 'full', repositories: {} });
  return { format: 1, name, created: new Date().toISOString(), policy: 'full', content, repositories: {} };
}
