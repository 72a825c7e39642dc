import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { systemClock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { RunStatus } from '../../base/status.ts';
import type { Store } from '../../cache/store.ts';
import type { Config } from '../../config/config.ts';
import type { ReadyAsked } from '../../gateway/admin/ports.ts';
import type { ReadyReport } from '../../sync/readiness/report.ts';
import { standingWithoutService } from '../../sync/readiness/standing.ts';
import type { ServiceClient } from '../client.ts';
import { exitCodes } from '../exit-codes.ts';
import { onState } from '../offline-store.ts';
import { readinessOf, readyQuestion } from '../readiness.ts';
import { runLines } from '../run-display.ts';
import { followRun, type RunWatcher } from '../run-following.ts';
import type { Terminal } from '../terminal.ts';
import { toldBefore } from '../told-before.ts';
import { terminalLog } from '../terminal-log.ts';
import { failureLines } from './sync-text.ts';
import { readyText } from './ready-text.ts';

export interface ReadyCommand extends Omit<ReadyAsked, 'host'> {
  readonly config: Config;
  /** Of a file with a host's list; `-` is standard input. */
  readonly hostFile: string | null;
  readonly fetch: boolean;
  readonly json: boolean;
}

/** A report, and the runs that brought what it named before. */
interface Outcome {
  readonly report: ReadyReport;
  readonly fetched: readonly RunStatus[];
}

/** Metadata that comes may show what else is needed; more rounds than that bring nothing new. */
const mostRounds = 3;

/**
 * `waystation ready`: by the running service, or from the state directory when none runs; then nothing can be fetched.
 * Succeeds only when everything that is asked for is held.
 */
export async function ready(command: ReadyCommand, terminal: Terminal): Promise<number> {
  const { config, json, fetch, hostFile } = command;
  const { subscriptions, repositories, packages, arch, modules, weak } = command;
  const host = hostFile === null ? null : await listIn(hostFile);
  const asked = { subscriptions, repositories, packages, arch, modules, weak, host };
  const watcher = json ? () => {} : runLines(systemClock, terminal.out);
  let offline = false;
  const { report, fetched } = await onState<Outcome>(config, terminalLog(terminal), {
    online: (client) => (fetch ? checkAndFetch(client, asked, watcher) : checked(client, asked)),
    offline: async (store) => {
      offline = true;
      return { report: await checkHere(store, asked, await toldBefore(config, terminalLog(terminal))), fetched: [] };
    },
  });
  if (json) terminal.out(JSON.stringify(fetch ? { ...report, fetched } : report, null, 2));
  else terminal.out(readyText(report, systemClock.now(), terminal.paint));
  for (const line of fetched.flatMap(({ failures, ...run }) =>
    failures.length === 0 ? [] : failureLines({ ...run, failures }),
  ))
    terminal.err(line);
  if (report.ready) return exitCodes.ok;
  if (!fetch || !offline) return exitCodes.failed;
  throw new WaystationError(
    'service_not_running',
    'nothing can be fetched: only the running service asks upstream, and it does not run',
  );
}

async function checkHere(
  store: Store,
  asked: ReadyAsked,
  { config, denied }: Awaited<ReturnType<typeof toldBefore>>,
): Promise<ReadyReport> {
  // What is held is counted first.
  await store.recovered;
  const standing = standingWithoutService(config.subscriptions, {
    notes: store.notes,
    current: (name) => store.current(name),
  });
  const readiness = readinessOf({ config, store, denied: () => denied, standing });
  return (await readiness.check(readyQuestion(asked), new AbortController().signal)).report;
}

async function checked(client: ServiceClient, asked: ReadyAsked): Promise<Outcome> {
  return { report: (await check(client, asked)).report, fetched: [] };
}

async function check(client: ServiceClient, asked: ReadyAsked): Promise<{ id: string; report: ReadyReport }> {
  const { id } = (await client.post('/api/v1/ready', asked)) as { id: string };
  for (;;) {
    const answer = (await client.get(`/api/v1/ready/${id}?seconds=30`)) as ReadyReport | { id: string };
    if ('ready' in answer) return { id, report: answer };
  }
}

async function checkAndFetch(client: ServiceClient, asked: ReadyAsked, watcher: RunWatcher): Promise<Outcome> {
  const fetched: RunStatus[] = [];
  let { id, report } = await check(client, asked);
  while (report.missing.files.length > 0 && fetched.length < mostRounds && fetched.at(-1)?.state !== 'failed') {
    const run = (await client.post(`/api/v1/ready/${id}/fetch`, {})) as { id: string };
    fetched.push(await followRun(client, run.id, watcher));
    ({ id, report } = await check(client, asked));
  }
  return { report, fetched };
}

async function listIn(file: string): Promise<string> {
  try {
    return file === '-' ? await textOf(process.stdin) : await readFile(file, 'utf8');
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new WaystationError('bad_request', `the host's list cannot be read: ${reason}`, { cause: thrown });
  }
}
