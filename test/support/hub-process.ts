import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandResult } from './command.ts';
import { command } from './command.ts';
import { waystationProgram } from './pop.ts';
import type { Ended } from './pop.ts';

/**
 * The real hub in a process of its own, on ports and in directories that stay the same over restarts. Its commands act
 * on the same configuration, with or without it.
 *
 *     await using hub = await HubProcess.start();
 *     const token = (await hub.run('token', 'create')).stdout.trim();
 *     await hub.kill(); await hub.launch();
 */
export class HubProcess implements AsyncDisposable {
  readonly directory: string;
  readonly configFile: string;
  /** What PoPs are told: `https://localhost:PORT`. */
  readonly url: string;
  readonly port: number;
  /** Base URL of the admin listener. */
  readonly admin: string;
  readonly socket: string;
  #process: ChildProcess | null = null;
  #exit: Promise<Ended> = Promise.resolve({ code: null, signal: null });
  #ended: Ended | null = null;
  #errors = '';
  #output = '';

  private constructor(directory: string, ports: readonly [number, number]) {
    this.directory = directory;
    this.configFile = join(directory, 'hub.yaml');
    [this.port] = ports;
    this.url = `https://localhost:${ports[0]}`;
    this.admin = `http://127.0.0.1:${ports[1]}`;
    this.socket = join(directory, 'hub.sock');
  }

  /** A hub that is configured, with store and keys, and not started. @param config top-level keys, added or replaced. */
  static async prepare(config: Readonly<Record<string, unknown>> = {}): Promise<HubProcess> {
    const directory = await mkdtemp(join(tmpdir(), 'waystation-hub-'));
    const hub = new HubProcess(directory, [await freePort(), await freePort()]);
    const generated = {
      listen: { api: `127.0.0.1:${hub.port}`, admin: hub.admin.slice('http://'.length), socket: hub.socket },
      publicUrl: hub.url,
      state: join(directory, 'state'),
      store: { type: 'directory', path: join(directory, 'store') },
      keys: join(directory, 'keys'),
    };
    // JSON is YAML.
    await writeFile(hub.configFile, JSON.stringify({ ...generated, ...config }, null, 2));
    const made = await hub.run('init');
    if (made.code !== 0) throw new Error(`hub init failed\n${made.stderr}`);
    return hub;
  }

  /** A hub that is live. */
  static async start(config: Readonly<Record<string, unknown>> = {}): Promise<HubProcess> {
    const hub = await HubProcess.prepare(config);
    await hub.launch();
    return hub;
  }

  /** `waystation hub WORDS --config …` */
  run(...words: readonly string[]): Promise<CommandResult> {
    const [executable, ...more] = waystationProgram;
    return command(executable, [...more, 'hub', ...words, '--config', this.configFile]);
  }

  /** Starts the process and resolves when it is live. @throws with its output when it ends before. */
  async launch(environment: NodeJS.ProcessEnv = {}): Promise<void> {
    this.begin(environment);
    for (;;) {
      if (this.#ended !== null) throw new Error(`the hub ended: ${JSON.stringify(this.#ended)}\n${this.output}`);
      const live = await fetch(`${this.admin}/healthz/live`).then(
        (response) => response.ok,
        () => false,
      );
      if (live) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Starts the process and waits for nothing. */
  begin(environment: NodeJS.ProcessEnv = {}): void {
    const [executable, ...words] = waystationProgram;
    const child = spawn(executable, [...words, 'hub', 'serve', '--config', this.configFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', ...environment },
    });
    // A test that ran out of time disposes of nothing; its process must not stay.
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    this.#process = child;
    this.#ended = null;
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    this.#exit = once(child, 'close').then(([code, signal]) => {
      process.off('exit', kill);
      this.#ended = { code: code as number | null, signal: signal as NodeJS.Signals | null };
      return this.#ended;
    });
  }

  /** Everything that it ever wrote, over all launches. */
  get output(): string {
    return this.#output + this.#errors;
  }

  /** The JSON lines so far, of all launches. */
  get lines(): readonly Readonly<Record<string, unknown>>[] {
    const whole = this.#output.slice(0, this.#output.lastIndexOf('\n') + 1).split('\n');
    return whole.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Resolves with how the process ended, its output read to the end. */
  exited(): Promise<Ended> {
    return this.#exit;
  }

  /** SIGTERM, and how it ended. */
  stop(): Promise<Ended> {
    this.#process?.kill('SIGTERM');
    return this.#exit;
  }

  /** SIGKILL. */
  kill(): Promise<Ended> {
    this.#process?.kill('SIGKILL');
    return this.#exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
