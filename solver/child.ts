import { spawn } from 'node:child_process';

export interface ChildOptions {
  /** An absolute path. */
  readonly program: string;
  readonly words: readonly string[];
  readonly input: string;
  readonly folder: string;
  /** All of it: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  /** Milliseconds until it is killed. */
  readonly time: number;
  /** Bytes of its output until it is killed. */
  readonly mostOutput: number;
}

export interface ChildResult {
  /** null: a signal ended it, or it could not be started. */
  readonly code: number | null;
  readonly output: string;
  /** The end of what it said on its standard error. */
  readonly said: string;
  /** Why this side ended it. */
  readonly killed: 'time' | 'output' | null;
}

/** Characters of its standard error that are kept. */
const mostSaid = 4_000;

/** Runs a program to its end with bounds on time and output. @throws the signal's reason, once the program is gone. */
export async function runChild(options: ChildOptions, signal: AbortSignal): Promise<ChildResult> {
  signal.throwIfAborted();
  const { program, words, input, folder, environment, time, mostOutput } = options;
  const child = spawn(program, words, { cwd: folder, env: environment, stdio: 'pipe' });
  let killed: ChildResult['killed'] = null;
  const kill = (): void => void child.kill('SIGKILL');
  const timer = setTimeout(() => {
    killed = 'time';
    kill();
  }, time);
  signal.addEventListener('abort', kill, { once: true });
  const output: Buffer[] = [];
  let length = 0;
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= mostOutput) output.push(chunk);
    else {
      killed ??= 'output';
      kill();
    }
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-mostSaid)));
  // One that ends without reading it all says why elsewhere.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      said ||= error.message;
      resolve(null);
    });
    child.on('close', resolve);
  });
  clearTimeout(timer);
  signal.removeEventListener('abort', kill);
  signal.throwIfAborted();
  return { code, output: Buffer.concat(output).toString(), said, killed };
}
