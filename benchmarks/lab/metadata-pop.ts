import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../../base/status.ts';
import { cpuSeconds, freePort, output, residentMegabytes, stopped } from './processes.ts';
import { programs } from './service.ts';

/** What reading metadata took of a service. */
export interface Reading {
  /** Seconds. */
  readonly cpu: number;
  readonly wall: number;
  /** Megabytes above what was resident before. */
  readonly growth: number;
}

/** The built program with two subscriptions, `large` and `small`, over the origin's folders of these names. */
export class MetadataPop {
  readonly #child: ChildProcess;
  readonly #config: string;
  readonly #admin: string;
  readonly content: string;

  private constructor(child: ChildProcess, config: string, ports: { content: number; admin: number }) {
    this.#child = child;
    this.#config = config;
    this.content = `http://127.0.0.1:${ports.content}/content`;
    this.#admin = `http://127.0.0.1:${ports.admin}`;
  }

  /** Starts it and waits until both have published what the origin shows. */
  static async start(folder: string, origin: string): Promise<MetadataPop> {
    const ports = { content: await freePort(), admin: await freePort() };
    const config = join(folder, 'waystation.yaml');
    const listen = {
      content: `127.0.0.1:${ports.content}`,
      admin: `127.0.0.1:${ports.admin}`,
      socket: join(folder, 'admin.sock'),
    };
    const subscriptions = ['large', 'small'].map((name) => {
      const repositories = [{ path: name, url: `${origin}/${name}/` }];
      return { name, hub: { type: 'yum' }, refresh: '1h', repositories };
    });
    const state = join(folder, 'state');
    mkdirSync(folder, { recursive: true });
    writeFileSync(config, JSON.stringify({ listen, state, cache: { keepFree: '0%' }, subscriptions }));
    const { command, words } = built();
    const child = spawn(command, [...words, 'serve', '--config', config], { stdio: 'ignore' });
    const pop = new MetadataPop(child, config, ports);
    while (!(await pop.#idle())) {
      if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}`);
      await sleep(50);
    }
    return pop;
  }

  /** Has the origin asked for `large` now, until it is published. @returns what that took of the service. */
  async read(): Promise<Reading> {
    const pid = this.#child.pid ?? 0;
    const before = { cpu: cpuSeconds(pid), resident: residentMegabytes(pid), at: performance.now() };
    // The peak begins anew (proc(5)).
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    const { command, words } = built();
    await output(command, [...words, 'sync', 'large', '--wait', '--config', this.#config]);
    const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
    return {
      cpu: cpuSeconds(pid) - before.cpu,
      wall: (performance.now() - before.at) / 1000,
      growth: peak - before.resident,
    };
  }

  /** How many packages `large` lists. */
  async listed(): Promise<number> {
    const { subscriptions } = await this.#status();
    const large = subscriptions.find(({ name }) => name === 'large');
    return large?.repositories[0]?.packages.listed ?? Number.NaN;
  }

  stop(): Promise<void> {
    return stopped(this.#child);
  }

  async #idle(): Promise<boolean> {
    const status = await this.#status().catch(() => null);
    const repositories = status?.subscriptions.flatMap((subscription) => subscription.repositories) ?? [];
    return repositories.length === 2 && repositories.every(({ state }) => state === 'current');
  }

  async #status(): Promise<Status> {
    return (await (await fetch(`${this.#admin}/api/v1/status`)).json()) as Status;
  }
}

/**
 * Makes of a state that has read the whole of `large` one that holds its records, and nothing that was made of them:
 * the newest generation is the empty repository's.
 */
export function forgetReading(state: string, map: string, generations: readonly string[]): void {
  rmSync(join(state, 'maps', map), { force: true });
  for (const id of generations) rmSync(join(state, 'generations/large', `${id}.json`));
}

export function copyState(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true, preserveTimestamps: true });
}

function built(): { command: string; words: readonly string[] } {
  const [program] = programs();
  if (program === undefined) throw new Error('there is no program');
  return program;
}
