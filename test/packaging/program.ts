import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { inject } from 'vitest';
import { command, type CommandResult } from '../support/command.ts';

/** An environment in which nothing can be found: no PATH, no HOME. */
const nothing = { PATH: '/nonexistent' };

/** Runs the built executable, or a copy of it, to its end where nothing is installed. */
export function runBare(words: readonly string[], executable = inject('builtProgram')): Promise<CommandResult> {
  const inherited = Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]));
  return command(executable, words, { cwd: '/', env: { ...inherited, ...nothing } });
}

/** A PoP of the built executable where nothing is installed. */
export class BarePop implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  output = '';

  /** Resolves when it serves. @throws with its output when it ends before */
  static async start(configFile: string, executable = inject('builtProgram')): Promise<BarePop> {
    const pop = new BarePop(configFile, executable);
    while (!pop.output.includes('"msg":"serving"')) {
      if (pop.#child.exitCode !== null) throw new Error(`it ended with ${pop.#child.exitCode}\n${pop.output}`);
      await Promise.race([once(pop.#child.stdout ?? pop.#child, 'data'), pop.#closed]);
    }
    return pop;
  }

  private constructor(configFile: string, executable: string) {
    const words = ['serve', '--log-level', 'debug', '--config', configFile];
    const child = spawn(executable, words, { cwd: '/', env: nothing, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#closed = once(child, 'close');
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.output += text));
  }

  /** The message and fields of a log line, null when it has not been written. */
  line(message: string): Readonly<Record<string, unknown>> | null {
    const lines = this.output.split('\n').filter((each) => each.startsWith('{'));
    const parsed = lines.map((each) => JSON.parse(each) as Record<string, unknown>);
    return parsed.find(({ msg }) => msg === message) ?? null;
  }

  /** SIGTERM; @returns its exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    await this.#closed;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }
}
