import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from '../../base/errors.ts';
import { freePort } from './processes.ts';
import type { MadeState } from './made-states.ts';
import { packageOf, repositoryPath, subscriptionName } from './state-maker.ts';

const checkout = resolve(import.meta.dirname, '../..');

/** How the service is started. */
export interface Program {
  readonly name: 'built' | 'sources';
  readonly command: string;
  readonly words: readonly string[];
}

/** The built executable, made now if it is not there, and the sources. */
export function programs(): readonly Program[] {
  const built = join(checkout, 'dist/waystation');
  if (!existsSync(built)) execFileSync('npm', ['run', 'build'], { cwd: checkout, stdio: 'inherit' });
  return [
    { name: 'built', command: built, words: [] },
    { name: 'sources', command: process.execPath, words: [join(checkout, 'cli/waystation.ts')] },
  ];
}

interface LogLine {
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** The service over a made state whose upstream is gone, and how long it took since it was spawned. */
export class Service {
  readonly #child: ChildProcess;
  readonly #made: MadeState;
  readonly #content: string;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #lines: LogLine[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #program: Program;
  readonly #config: string;
  readonly #admin: string;
  #ended = false;
  /** Milliseconds of the process's life at the line `serving`, when it listens everywhere. */
  readonly listening: Promise<number>;
  /** Milliseconds of the process's life when it had counted what is held, and what it says of that. */
  readonly counted: Promise<{ readonly at: number; readonly line: LogLine }>;

  private constructor(made: MadeState, program: Program, ports: { content: number; admin: number }) {
    this.#made = made;
    this.#program = program;
    this.#content = `http://127.0.0.1:${ports.content}`;
    this.#admin = `http://127.0.0.1:${ports.admin}`;
    this.#config = join(made.folder, 'waystation.yaml');
    const repositories = Array.from({ length: made.shape.repositories }, (_, repository) => ({
      path: repositoryPath(repository),
      // Nobody listens there: everything that is answered is held.
      url: `http://127.0.0.1:1/${repository}/`,
    }));
    const listen = {
      content: `127.0.0.1:${ports.content}`,
      admin: `127.0.0.1:${ports.admin}`,
      socket: join(made.folder, 'admin.sock'),
    };
    const subscriptions = [{ name: subscriptionName, hub: { type: 'yum' }, refresh: '1h', repositories }];
    const config = { listen, state: made.state, cache: { keepFree: '0%' }, subscriptions };
    // JSON is YAML.
    writeFileSync(this.#config, JSON.stringify(config));
    const began = performance.now();
    this.#child = spawn(program.command, [...program.words, 'serve', '--config', this.#config], {
      stdio: ['ignore', 'pipe', 'inherit'],
      // Of whoever runs the benchmark; Node reads and parses them all at each start.
      env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined },
    });
    // A benchmark that fails disposes of nothing.
    const kill = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', kill);
    this.#child.once('close', () => process.off('exit', kill));
    this.#read();
    const at = async (msg: string): Promise<{ at: number; line: LogLine }> => {
      const line = await this.#logged(msg);
      return { at: performance.now() - began, line };
    };
    this.listening = at('serving').then((serving) => serving.at);
    this.counted = at('the held files are counted');
    this.counted.catch(() => {});
    this.#began = began;
  }

  readonly #began: number;

  static async start(made: MadeState, program: Program): Promise<Service> {
    return new Service(made, program, { content: await freePort(), admin: await freePort() });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Asks for a held package until the right bytes come. @returns milliseconds of the process's life. */
  async firstHit(): Promise<number> {
    for (;;) {
      if (this.#ended) throw new Error('the service ended before it served');
      const body = await this.ask(0, 0).catch((error: unknown) => {
        if (systemCode(error) === 'ECONNREFUSED') return null;
        throw error;
      });
      if (body !== null) return performance.now() - this.#began;
      await sleep(2);
    }
  }

  /** Gets a held package. @returns milliseconds it took. @throws when the answer is not what is held. */
  async ask(repository: number, place: number): Promise<number> {
    const { href, bytes } = packageOf(this.#made.shape, repository, place);
    const began = performance.now();
    const request = get(`${this.#content}/content/${repositoryPath(repository)}/${href}`, { agent: this.#agent });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let body = '';
    for await (const chunk of response) body += String(chunk);
    const took = performance.now() - began;
    if (response.statusCode !== 200 || body !== bytes)
      throw new Error(`${href} of ${repositoryPath(repository)}: ${response.statusCode} ${body.slice(0, 200)}`);
    return took;
  }

  /** `waystation status --json`. @returns seconds it took. */
  async status(): Promise<number> {
    const began = performance.now();
    const { command, words } = this.#program;
    const child = spawn(command, [...words, 'status', '--json', '--config', this.#config], { stdio: 'ignore' });
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`waystation status ended with ${code}`);
    return (performance.now() - began) / 1000;
  }

  /** Resolves when garbage was collected. @throws when it was not within so many milliseconds. */
  async collected(within: number): Promise<void> {
    const late = sleep(within, undefined, { ref: false }).then(() => {
      throw new Error('nothing was collected in time');
    });
    await Promise.race([this.#logged('what nothing refers to is gone'), late]);
  }

  /** The longest delay of the event loop since this was last asked, milliseconds. */
  async longestDelay(): Promise<number> {
    const text = await (await fetch(`${this.#admin}/metrics`)).text();
    return Number(/^waystation_nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1]) * 1000;
  }

  /** @param signal SIGTERM is a clean stop. @returns milliseconds until the process had ended. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number> {
    this.#agent.destroy();
    const began = performance.now();
    if (!this.#ended) {
      const closed = once(this.#child, 'close');
      this.#child.kill(signal);
      await closed;
    }
    return performance.now() - began;
  }

  #read(): void {
    let partial = '';
    const { stdout } = this.#child;
    stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (partial + text).split('\n');
      partial = lines.pop() ?? '';
      // Access lines are most of them.
      for (const line of lines) if (!line.includes('"msg":"request"')) this.#lines.push(JSON.parse(line) as LogLine);
      for (const wake of this.#waiting) wake();
    });
    this.#child.once('close', () => {
      this.#ended = true;
      for (const wake of this.#waiting) wake();
    });
  }

  async #logged(msg: string): Promise<LogLine> {
    for (;;) {
      const found = this.#lines.find((line) => line.msg === msg);
      if (found !== undefined) return found;
      if (this.#ended) throw new Error(`the service ended before it said: ${msg}`);
      const { promise, resolve: wake } = Promise.withResolvers<void>();
      this.#waiting.add(wake);
      await promise;
      this.#waiting.delete(wake);
    }
  }
}
