import { systemClock } from '../../base/clock.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { RunStatus } from '../../base/status.ts';
import { Repair } from '../../cache/upkeep/repair.ts';
import type { Config } from '../../config/config.ts';
import { decodeRequestPath } from '../../http/request-path.ts';
import { exitCodes } from '../exit-codes.ts';
import { runLines } from '../run-display.ts';
import { terminalLog } from '../terminal-log.ts';
import type { Terminal } from '../terminal.ts';
import { runUpkeep } from '../upkeep-command.ts';
import { verifications } from '../verifications.ts';
import { requestPathOf } from './explanation-text.ts';
import { verdictLine, verifyFailureLines } from './verify-text.ts';

export interface VerifyRequest {
  readonly config: Config;
  /** The name of a subscription, or a path as clients name it; undefined: everything. */
  readonly what: string | undefined;
  readonly json: boolean;
}

/**
 * `waystation verify [SUBSCRIPTION|PATH]`: by the running service, or on the state directory when none runs; then nothing
 * can be fetched again. Succeeds when everything held is right in the end: damage that was found and healed is told, and
 * no failure.
 */
export async function verify({ config, what, json }: VerifyRequest, terminal: Terminal): Promise<number> {
  const log = terminalLog(terminal);
  const target = what === undefined ? {} : targetOf(config, what);
  let run: RunStatus;
  try {
    run = await runUpkeep(
      config,
      log,
      {
        online: async (client) => ((await client.post('/api/v1/verifications', target)) as { id: string }).id,
        offline: (store, runs) => {
          const { references, sink } = store;
          const repair = new Repair({ references, sink, supplierOf: () => null, log });
          return verifications({ store, runs, repair }).start(target);
        },
      },
      json ? () => {} : runLines(systemClock, terminal.out),
    );
  } catch (thrown) {
    throw nothingCalled(config, what, asWaystationError(thrown)) ?? thrown;
  }
  if (json) terminal.out(JSON.stringify(run, null, 2));
  for (const line of verifyFailureLines(run)) terminal.err(line);
  if (!json) terminal.out(verdictLine(run));
  return run.state === 'done' ? exitCodes.ok : exitCodes.failed;
}

/** A configured subscription of that name counts before a path of that name; `/content/NAME` is always the path. */
function targetOf(config: Config, what: string): { subscription: string } | { path: string } {
  if (config.subscriptions.some(({ name }) => name === what)) return { subscription: what };
  const decoded = decodeRequestPath(requestPathOf(what));
  if ('error' in decoded) throw new WaystationError('bad_path', `${what}: ${decoded.reason}`);
  const alias = config.aliases.find(([from]) => `${decoded.path}/`.startsWith(from));
  const path = alias === undefined ? decoded.path : `${alias[1]}${decoded.path.slice(alias[0].length)}`;
  const below = /^\/content(?:\/(.*?))?\/?$/.exec(path);
  if (below === null) throw new WaystationError('bad_path', `${what}: only paths below /content/ can be verified`);
  return { path: below[1] ?? '' };
}

/** What was meant may be either; the service is asked for only one of them. */
function nothingCalled(config: Config, what: string | undefined, error: WaystationError): WaystationError | null {
  if (error.code !== 'not_found' || what === undefined || !/^[a-z0-9-]{1,32}$/.test(what)) return null;
  const names = config.subscriptions.map(({ name }) => name);
  return new WaystationError(
    'unknown_subscription',
    `no subscription, repository or folder is called ${what}; ` +
      (names.length === 0 ? 'nothing is subscribed' : `there is ${names.join(', ')}`),
  );
}
