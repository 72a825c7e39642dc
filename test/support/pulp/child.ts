import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Both streams are appended to it. */
  readonly logFile: string;
  /** Runs as this user and its group instead of our own. */
  readonly user?: string;
}

/** A server that runs beside the tests and does not outlive them: the kernel ends it when we are killed. */
export interface Child {
  readonly running: boolean;
  /** Sends the signal, and SIGKILL after `patience` milliseconds; resolves when the process is gone. */
  stop(signal: NodeJS.Signals, patience: number): Promise<void>;
}

export function startChild({ command, args, cwd, env, logFile, user }: ChildOptions): Child {
  const log = openSync(logFile, 'a');
  const as = user === undefined ? [] : [`--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
  const child = spawn('setpriv', [...as, '--pdeathsig=TERM', '--', command, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return {
    get running() {
      return alive(child);
    },
    async stop(signal, patience) {
      if (!alive(child)) return;
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), patience);
      await gone;
      clearTimeout(timer);
    },
  };
}

function alive(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
