import { spawn } from 'node:child_process';

export interface CommandResult {
  /** Exit status; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  /** Added to this process's environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Kills the command when it aborts. */
  readonly signal?: AbortSignal;
}

/** Runs a command to its end without a shell, in the C locale and with no proxy, and returns what came of it. */
export function command(name: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const neutral = { LC_ALL: 'C', http_proxy: undefined, https_proxy: undefined, all_proxy: undefined };
  const { cwd, env, signal } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, {
      env: { ...process.env, ...neutral, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
      ...(signal === undefined ? {} : { signal }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Like `command`, for what must work: throws with the command's own words when its status is not 0. */
export async function succeed(name: string, args: readonly string[], options?: CommandOptions): Promise<string> {
  const { code, stdout, stderr } = await command(name, args, options);
  if (code !== 0) throw new Error(`${name} ${args.join(' ')}: status ${code}\n${stderr}${stdout}`);
  return stdout;
}
