import { once } from 'node:events';
import { chmod, cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { succeed } from '../command.ts';
import { startChild } from './child.ts';
import type { Child } from './child.ts';
import { startPostgres } from './postgres.ts';
import type { Postgres } from './postgres.ts';
import { environment, layOut, pythonCommand } from './recipe.ts';
import { until } from './until.ts';
import { makeTemplate, template } from './workshop.ts';

/** Pulp's processes that can be stopped and started alone. */
export const parts = ['api', 'content', 'worker'] as const;
export type Part = (typeof parts)[number];

/** A running Pulp hub of our own, empty at first. */
export interface PulpServer {
  /** Its folder: keys, media, logs. */
  readonly directory: string;
  /** Scheme, host and port. */
  readonly apiOrigin: string;
  readonly contentOrigin: string;
  /** Resolves when the process is gone; stopped ones stay as they are. */
  stop(part: Part): Promise<void>;
  /** Resolves when the part answers again. */
  start(part: Part): Promise<void>;
  /** Ends everything and removes it. */
  close(): Promise<void>;
}

/** Starts a hub on free ports and waits until it is healthy; `installPulp` comes before. */
export async function startPulp(): Promise<PulpServer> {
  await makeTemplate();
  const directory = await mkdtemp(join(tmpdir(), 'waystation-pulp-run-'));
  // PostgreSQL's user has to get through to its data.
  await chmod(directory, 0o711);
  try {
    // cp keeps the owner, which is PostgreSQL's user.
    await succeed('cp', ['-a', '--reflink=auto', join(template, 'data'), directory]);
    await cp(join(template, 'fields.key'), join(directory, 'fields.key'));
    const postgres = await startPostgres(join(directory, 'data'));
    const ports = await freePorts();
    const contentOrigin = `http://127.0.0.1:${ports.content}`;
    await layOut({ directory, socket: postgres.socket, contentOrigin });
    const server = new Server(directory, postgres, ports);
    try {
      await Promise.all(parts.map((part) => server.start(part)));
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

class Server implements PulpServer {
  readonly directory: string;
  readonly apiOrigin: string;
  readonly contentOrigin: string;
  readonly #postgres: Postgres;
  readonly #commands: Readonly<Record<Part, readonly string[]>>;
  readonly #running = new Map<Part, Child>();

  constructor(directory: string, postgres: Postgres, ports: { api: number; content: number }) {
    this.directory = directory;
    this.#postgres = postgres;
    this.apiOrigin = `http://127.0.0.1:${ports.api}`;
    this.contentOrigin = `http://127.0.0.1:${ports.content}`;
    const bind = (port: number): readonly string[] => [
      '--bind',
      `127.0.0.1:${port}`,
      '--workers',
      '2',
      '--no-control-socket',
    ];
    this.#commands = {
      api: ['pulpcore-api', ...bind(ports.api)],
      content: ['pulpcore-content', ...bind(ports.content)],
      worker: ['pulpcore-worker'],
    };
  }

  async stop(part: Part): Promise<void> {
    await this.#running.get(part)?.stop('SIGTERM', 3000);
    this.#running.delete(part);
  }

  async start(part: Part): Promise<void> {
    if (this.#running.get(part)?.running === true) return;
    const [name = '', ...args] = this.#commands[part];
    const logFile = join(this.directory, `${part}.log`);
    const env = environment(this.directory);
    const child = startChild({ command: pythonCommand(name), args, cwd: this.directory, env, logFile });
    this.#running.set(part, child);
    await until(`Pulp's ${part}`, 120_000, async () => {
      if (!child.running) throw new Error(`Pulp's ${part} ended:\n${(await readFile(logFile, 'utf8')).slice(-4000)}`);
      return this.#answers(part);
    });
  }

  async close(): Promise<void> {
    await Promise.all(parts.map((part) => this.stop(part)));
    await this.#postgres.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #answers(part: Part): Promise<boolean> {
    try {
      if (part === 'content') return (await fetch(`${this.contentOrigin}/pulp/content/`)).status < 500;
      const answer = await fetch(`${this.apiOrigin}/pulp/api/v3/status/`);
      if (!answer.ok) return false;
      const { online_workers: workers } = (await answer.json()) as { online_workers: readonly unknown[] };
      return part === 'api' || workers.length > 0;
    } catch {
      return false;
    }
  }
}

/** Ports that were free a moment ago, held together so that they differ. */
async function freePorts(): Promise<{ api: number; content: number }> {
  const held = await Promise.all(
    [0, 1].map(async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = held.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return { api: ports[0] ?? 0, content: ports[1] ?? 0 };
}
