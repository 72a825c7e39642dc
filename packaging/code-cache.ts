import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { NativeAddon } from './native-addons.ts';

export interface CodeCacheOptions {
  /** The bundle. */
  readonly main: string;
  /** Where everything is written. */
  readonly folder: string;
  readonly addons: readonly NativeAddon[];
  /** Options of Node, as the executable has them: V8 refuses what was compiled under other flags. */
  readonly nodeOptions: readonly string[];
}

/**
 * Runs the bundle as a service for a moment, and keeps what V8 compiled meanwhile: a start compiles nothing of that
 * again, which is a third of its time. Only speed depends on what it does here.
 * @returns the path of the code cache.
 * @throws Error when the bundle does not serve.
 */
export async function codeCache({ main, folder, addons, nodeOptions }: CodeCacheOptions): Promise<string> {
  const output = join(folder, 'main.cache');
  const config = await configured(join(folder, 'warm-up'));
  const carried = JSON.stringify(Object.fromEntries(addons.map(({ name, file }) => [name, file])));
  const child = fork(
    join(import.meta.dirname, 'warm-up.ts'),
    [main, output, carried, 'serve', '--config', config],
    // Other options of this process are nobody's business.
    { execArgv: [...nodeOptions], env: {}, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
  );
  const ended = once(child, 'close') as Promise<[code: number | null]>;
  try {
    await use(await listeners(child));
    child.send('enough');
    const [code] = await ended;
    if (code !== 0) throw new Error(`the bundle ended with ${code} when it was run for its code cache`);
  } finally {
    child.kill('SIGKILL');
  }
  return output;
}

/** One subscription whose upstream refuses every connection. */
async function configured(folder: string): Promise<string> {
  await mkdir(folder);
  const file = join(folder, 'waystation.yaml');
  const listen = { content: '127.0.0.1:0', admin: '127.0.0.1:0', socket: join(folder, 'admin.sock') };
  const repositories = [{ path: 'example', url: 'http://127.0.0.1:1/' }];
  const subscriptions = [{ name: 'example', hub: { type: 'yum' }, repositories }];
  await writeFile(file, JSON.stringify({ listen, state: join(folder, 'state'), subscriptions }));
  return file;
}

/** Waits until it serves. @returns the addresses of content and admin. */
async function listeners(child: ChildProcess): Promise<readonly string[]> {
  const addresses: string[] = [];
  if (child.stdout !== null)
    for await (const line of createInterface(child.stdout)) {
      const { msg, address } = JSON.parse(line) as { msg: string; address?: string };
      if (msg === 'listening' && address !== undefined) addresses.push(address);
      if (msg !== 'serving') continue;
      // Nothing is read of its output from here on, and it must not wait for that.
      child.stdout.resume();
      return addresses;
    }
  throw new Error('the bundle did not serve when it was run for its code cache');
}

/** What a host asks of every service soon after its start. */
async function use([content, admin]: readonly string[]): Promise<void> {
  for (const url of [`${content}/content/example/repodata/repomd.xml`, `${admin}/healthz/ready`, `${admin}/metrics`])
    await (await fetch(`http://${url}`)).arrayBuffer();
}
