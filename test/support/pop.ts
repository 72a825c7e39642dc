import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GenerationStatus, RepositoryStatus, RunStatus, Status } from '../../base/status.ts';
import { command, type CommandResult } from './command.ts';

/** A repository entry of the configuration, as the contract has it. */
export type RepositoryEntry = Readonly<{ path: string; url?: string; [key: string]: unknown }>;

export interface PopOptions {
  /** Of one subscription `vendor` of type yum; further top-level keys, or other subscriptions, come by `config`. */
  readonly repositories?: readonly RepositoryEntry[];
  /** Default 1h: tests ask for a sync when they want one. */
  readonly refresh?: string;
  /** Top-level keys added to the configuration, or put in the place of the generated ones. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Files put beside the configuration before the start: passwords, keys. */
  readonly files?: Readonly<Record<string, string>>;
  /** An existing state directory; default: a new one, removed in the end. */
  readonly state?: string;
}

/** One line of the access log. */
export interface AccessLine {
  readonly msg: 'request';
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly outcome: string;
}

/** How the process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What runs: the program of the checkout, or the built one that WAYSTATION_BINARY names. */
export const waystationProgram: readonly [string, ...string[]] =
  process.env['WAYSTATION_BINARY'] === undefined
    ? [process.execPath, join(import.meta.dirname, '../../cli/waystation.ts')]
    : [process.env['WAYSTATION_BINARY']];

/**
 * The real PoP in a process of its own, on ports and in a state directory that stay the same over restarts.
 *
 *     await using pop = await Pop.start({ repositories: [{ path: 'tools', url: origin.url }] });
 *     await pop.published();
 *     await pop.kill(); await pop.launch();
 */
export class Pop implements AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly content: string;
  readonly admin: string;
  readonly state: string;
  readonly configFile: string;
  readonly #folder: string;
  readonly #waiters = new Set<() => void>();
  #process: ChildProcess | null = null;
  #exit: Promise<Ended> = Promise.resolve({ code: null, signal: null });
  #ended: Ended | null = null;
  #partial = '';
  readonly #lines: Record<string, unknown>[] = [];
  /** Everything that it ever wrote to stdout and stderr, over all launches. */
  output = '';

  /** A PoP that is live. */
  static async start(options: PopOptions): Promise<Pop> {
    const pop = await Pop.prepare(options);
    await pop.launch();
    return pop;
  }

  /** A PoP that is configured and not started. */
  static async prepare(options: PopOptions): Promise<Pop> {
    const folder = await mkdtemp(join(tmpdir(), 'waystation-pop-'));
    const state = options.state ?? join(folder, 'state');
    const [content, admin] = await freePorts(2);
    await mkdir(join(folder, 'config'));
    const configFile = join(folder, 'config', 'waystation.yaml');
    const { repositories = [], refresh = '1h' } = options;
    const subscriptions =
      repositories.length === 0 ? [] : [{ name: 'vendor', hub: { type: 'yum' }, refresh, repositories }];
    const generated = {
      listen: { content: `127.0.0.1:${content}`, admin: `127.0.0.1:${admin}`, socket: join(folder, 'admin.sock') },
      state,
      cache: { keepFree: '0%' },
      subscriptions,
    };
    // JSON is YAML.
    await writeFile(configFile, JSON.stringify({ ...generated, ...options.config }, null, 2));
    const pop = new Pop(folder, state, { content: content ?? 0, admin: admin ?? 0 });
    for (const [name, text] of Object.entries(options.files ?? {})) await pop.file(name, text);
    return pop;
  }

  private constructor(folder: string, state: string, ports: { content: number; admin: number }) {
    this.#folder = folder;
    this.state = state;
    this.configFile = join(folder, 'config', 'waystation.yaml');
    this.content = `http://127.0.0.1:${ports.content}`;
    this.admin = `http://127.0.0.1:${ports.admin}`;
  }

  /** Writes a file beside the configuration. */
  async file(name: string, text: string): Promise<void> {
    await writeFile(join(this.#folder, 'config', name), text, { mode: 0o600 });
  }

  /** Changes top-level keys of the configuration: what the next launch reads. */
  async reconfigure(config: Readonly<Record<string, unknown>>): Promise<void> {
    const before = JSON.parse(await readFile(this.configFile, 'utf8')) as object;
    await writeFile(this.configFile, JSON.stringify({ ...before, ...config }, null, 2));
  }

  /** Starts the process and resolves when it is live. @throws with its output when it ends before. */
  async launch(): Promise<void> {
    this.begin();
    for (;;) {
      if (this.#ended !== null) throw new Error(`waystation ended: ${JSON.stringify(this.#ended)}\n${this.output}`);
      const live = await fetch(`${this.admin}/healthz/live`).then(
        (response) => response.ok,
        () => false,
      );
      if (live) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Starts the process and waits for nothing. */
  begin(): void {
    const [executable, ...words] = waystationProgram;
    const child = spawn(executable, [...words, 'serve', '--config', this.configFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment(),
    });
    // A test that ran out of time disposes of nothing; its process must not stay.
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    this.#process = child;
    this.#ended = null;
    this.#partial = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.#exit = once(child, 'close').then(([code, signal]) => {
      process.off('exit', kill);
      this.#ended = { code: code as number | null, signal: signal as NodeJS.Signals | null };
      this.#wake();
      return this.#ended;
    });
  }

  /** Resolves with how the process ended, its output read to the end. */
  exited(): Promise<Ended> {
    return this.#exit;
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  /** SIGTERM, and how it ended. */
  stop(): Promise<Ended> {
    this.signal('SIGTERM');
    return this.#exit;
  }

  /** SIGKILL. */
  kill(): Promise<Ended> {
    this.signal('SIGKILL');
    return this.#exit;
  }

  /** The JSON lines so far, of all launches. */
  get lines(): readonly Readonly<Record<string, unknown>>[] {
    return this.#lines;
  }

  get access(): readonly AccessLine[] {
    return this.#lines.filter(({ msg }) => msg === 'request') as unknown as AccessLine[];
  }

  /** Resolves with the first access line from number `from` on that fits, once it is written. */
  async accessLine(fits: (line: AccessLine) => boolean, from = 0): Promise<AccessLine> {
    const found = (): AccessLine | undefined => this.access.slice(from).find(fits);
    await this.logged(() => found() !== undefined);
    const line = found();
    if (line === undefined) throw new Error('an access line went away');
    return line;
  }

  /** Resolves once a condition over the output holds; looked at with every line. @throws when the process ends before. */
  async logged(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#ended !== null) throw new Error(`waystation ended before it wrote that\n${this.output}`);
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    }
  }

  async status(): Promise<Status> {
    return (await (await fetch(`${this.admin}/api/v1/status`)).json()) as Status;
  }

  /** The status of one repository, whichever subscription has it. */
  async repository(path: string): Promise<RepositoryStatus> {
    const { subscriptions } = await this.status();
    const found = subscriptions.flatMap(({ repositories }) => repositories).find((each) => each.path === path);
    if (found === undefined) throw new Error(`status has no ${path}`);
    return found;
  }

  async generations(): Promise<readonly GenerationStatus[]> {
    const answer = await fetch(`${this.admin}/api/v1/generations`);
    return ((await answer.json()) as { generations: GenerationStatus[] }).generations;
  }

  async runs(): Promise<readonly RunStatus[]> {
    return ((await (await fetch(`${this.admin}/api/v1/syncs`)).json()) as { syncs: RunStatus[] }).syncs;
  }

  /** Resolves once every repository has been published, or those that are named. */
  async published(...paths: readonly string[]): Promise<void> {
    await this.until(({ subscriptions }) => {
      const known = subscriptions.flatMap(({ repositories }) => repositories);
      return known.every(({ path, repomd }) => repomd !== null || (paths.length > 0 && !paths.includes(path)));
    });
  }

  /** Resolves once the first look at the upstreams is over, whatever came of it. */
  async looked(): Promise<void> {
    for (;;) {
      const runs = await this.runs();
      if (runs.length > 0 && runs.every(({ finished }) => finished !== null)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Asks for the status until it is as wanted; the test's own time limit ends it. */
  async until(wanted: (status: Status) => boolean): Promise<Status> {
    for (;;) {
      const status = await this.status();
      if (wanted(status)) return status;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Resolves once the file at a request path is held: stored, not only sent. */
  async held(path: string): Promise<void> {
    for (;;) {
      const answer = await fetch(`${this.admin}/api/v1/explain?path=${encodeURIComponent(path)}`);
      if (((await answer.json()) as { held: boolean }).held) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** The samples of /metrics: `name{label="value"}` → value, without the prefix `waystation_`. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`${this.admin}/metrics`)).text();
    const samples = text.matchAll(/^waystation_(\S+?) (\S+)$/gm);
    return new Map([...samples].map(([, name = '', value]) => [name, Number(value)]));
  }

  /** Runs a command of the program with this configuration. */
  run(...words: readonly string[]): Promise<CommandResult> {
    return waystationCommand(...words, '--config', this.configFile);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === null && this.#process !== null) await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #read(text: string): void {
    this.output += text;
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) this.#lines.push(JSON.parse(line) as Record<string, unknown>);
    this.#wake();
  }

  #wake(): void {
    const woken = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of woken) wake();
  }
}

/** Runs the program to its end, away from the environment's own configuration. */
export function waystationCommand(...words: readonly string[]): Promise<CommandResult> {
  return waystationIn({}, ...words);
}

/** The same with further variables of the environment. */
export function waystationIn(
  variables: Readonly<Record<string, string>>,
  ...words: readonly string[]
): Promise<CommandResult> {
  const [executable, ...first] = waystationProgram;
  return command(executable, [...first, ...words], { env: { ...neutral, ...variables } });
}

const neutral = { WAYSTATION_CONFIG: undefined, CREDENTIALS_DIRECTORY: undefined, NO_COLOR: '1' };

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, ...neutral };
}

/** Ports of 127.0.0.1 that nobody listens on: held together until all are known, so that no two are the same. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
