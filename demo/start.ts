import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { instructions } from './instructions.ts';
import { startOrigin } from './origin.ts';
import { freePort, ready, startPop } from './pop.ts';

/**
 * `npm start`: an origin with a few real signed packages and a PoP in front of it, in one terminal. The origin runs
 * in this process, the PoP is `waystation serve` as an operator would start it. All files go into one temporary folder.
 */
const repository = join(import.meta.dirname, 'repository');

async function main(): Promise<void> {
  if (!existsSync(join(repository, 'repodata/repomd.xml'))) throw new Error(`${repository} is not a repository`);
  await using cleanup = new AsyncDisposableStack();

  const directory = await mkdtemp(join(tmpdir(), 'waystation-demo-'));
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const origin = await startOrigin(repository);
  cleanup.defer(() => origin.close());
  const content = `127.0.0.1:${await freePort(8080)}`;
  const admin = `127.0.0.1:${await freePort(8081)}`;
  const config = join(directory, 'waystation.yaml');
  await writeFile(config, stringify(configuration(directory, origin.url, { content, admin })));

  const pop = startPop(config, directory);
  cleanup.defer(async () => {
    pop.stop();
    await pop.ended;
  });
  const interrupted = untilInterrupted(() => pop.stop());
  const readiness = ready(pop, `http://${admin}/healthz/ready`);
  if ((await Promise.race([readiness, interrupted])) === 'interrupted') return;

  const repoFile = await text(`http://${content}/repo-files/demo.repo`);
  const reposDirectory = join(directory, 'repos');
  await mkdir(reposDirectory);
  await writeFile(join(reposDirectory, 'demo.repo'), repoFile);
  const addresses = { content: `http://${content}`, admin: `http://${admin}`, origin: origin.url };
  console.log(instructions({ ...addresses, repoFile, reposDirectory, log: pop.log }));

  const end = await Promise.race([interrupted, pop.ended]);
  if (end !== 'interrupted') throw new Error(end);
}

function configuration(directory: string, origin: string, listen: { content: string; admin: string }): object {
  const tools = {
    path: 'demo/tools',
    url: origin,
    gpgKey: join(repository, 'RPM-GPG-KEY-demo'),
    repoGpgCheck: true,
  };
  return {
    listen,
    state: join(directory, 'state'),
    cache: { max: '1GiB' },
    drain: '5s',
    subscriptions: [{ name: 'demo', hub: { type: 'yum' }, repositories: [tools], refresh: '10s' }],
  };
}

/** Resolves at the first Ctrl-C or SIGTERM; `again` is called at each further one. */
function untilInterrupted(again: () => void): Promise<'interrupted'> {
  return new Promise((resolve) => {
    let count = 0;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        count += 1;
        if (count === 1) resolve('interrupted');
        else again();
      });
    }
  });
}

async function text(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${await response.text()}`);
  return await response.text();
}

try {
  await main();
} catch (error) {
  console.error(`The demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
