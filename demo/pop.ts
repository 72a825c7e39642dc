import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A waystation in a process of its own. */
export interface Pop {
  /** Where its log goes. */
  readonly log: string;
  /** Resolves with how it ended and the end of its log, for people. */
  readonly ended: Promise<string>;
  /** Asks it to finish; a second time, to finish at once. */
  stop(): void;
}

/** `preferred` when nobody listens there on 127.0.0.1, else a port that is free. */
export async function freePort(preferred: number): Promise<number> {
  for (const port of [preferred, 0]) {
    const server = createServer();
    const listening = once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.listen(port, '127.0.0.1');
    if (!(await listening)) continue;
    const taken = (server.address() as AddressInfo).port;
    server.close();
    await once(server, 'close');
    return taken;
  }
  throw new Error('no port of 127.0.0.1 can be taken');
}

/**
 * Starts `waystation serve`, away from the terminal's Ctrl-C: who started it decides when it stops.
 * @param directory where its log goes
 */
export function startPop(config: string, directory: string): Pop {
  const executable = join(import.meta.dirname, '../cli/waystation.ts');
  const log = join(directory, 'waystation.log');
  const output = openSync(log, 'a');
  const child = spawn(process.execPath, [executable, 'serve', '--config', config], {
    stdio: ['ignore', output, output],
    detached: true,
  });
  return { log, ended: ending(child, log), stop: () => void child.kill('SIGTERM') };
}

async function ending(child: ChildProcess, log: string): Promise<string> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return `waystation ended ${signal === null ? `with status ${code}` : `by ${signal}`}\n${tail(log)}`;
}

/**
 * Resolves once the PoP can serve.
 * @param url its readiness page
 * @throws when the process ends before, or after `milliseconds`; the error shows the end of the log
 */
export async function ready(pop: Pop, url: string, milliseconds = 30_000): Promise<void> {
  const deadline = Date.now() + milliseconds;
  let last = 'it does not answer yet';
  while (Date.now() < deadline) {
    const answer = fetch(url).then(
      async (response) => (response.ok ? null : `status ${response.status}: ${(await response.text()).trim()}`),
      () => last,
    );
    const seen = await Promise.race([answer, pop.ended.then((words) => ({ words }))]);
    if (seen === null) return;
    if (typeof seen === 'object') throw new Error(seen.words);
    last = seen;
    await sleep(100);
  }
  throw new Error(`waystation was not ready after ${milliseconds / 1000} s; ${url}: ${last}\n${tail(pop.log)}`);
}

function tail(file: string): string {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-20);
  return `The end of its log:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
