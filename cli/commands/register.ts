import { readFile } from 'node:fs/promises';
import { systemClock } from '../../base/clock.ts';
import { systemCode, WaystationError } from '../../base/errors.ts';
import { silentMeter } from '../../base/metrics.ts';
import type { Config, WaystationHubConfig } from '../../config/config.ts';
import { baseUrl, webUrlProblem } from '../../config/web-url.ts';
import { acceptEpoch } from '../../mirror/waystation/accept-epoch.ts';
import { IdentityFolder } from '../../mirror/waystation/identity-folder.ts';
import { register } from '../../mirror/waystation/registration.ts';
import type { HubAddress } from '../../mirror/waystation/registration.ts';
import { Health } from '../../origin/health.ts';
import { RateSchedule } from '../../origin/rate-schedule.ts';
import { Traffic } from '../../origin/traffic.ts';
import { popName } from '../../protocol/registration.ts';
import { exitCodes } from '../exit-codes.ts';
import { nameOfHost } from '../following.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { terminalLog } from '../terminal-log.ts';
import { version } from '../version.ts';

export interface RegisterRequest {
  readonly config: Config;
  /** As given. */
  readonly hub: string;
  /** null: none was given. */
  readonly tokenFile: string | null;
  readonly name: string | null;
  readonly acceptEpoch: boolean;
  readonly json: boolean;
}

/**
 * `waystation register`: makes this PoP somebody at a hub, with or without a running service, which takes notice.
 * @throws WaystationError as `register` and `acceptEpoch` do.
 */
export async function registerPop(request: RegisterRequest, terminal: Terminal): Promise<number> {
  const { config, json } = request;
  const url = hubUrl(request.hub);
  const configured = config.subscriptions
    .map(({ hub }) => hub)
    .find((hub): hub is WaystationHubConfig => hub.type === 'waystation' && originOf(hub.url) === originOf(url));
  const folder = new IdentityFolder(config.state, url);
  const [clock, log] = [systemClock, terminalLog(terminal)];
  const health = new Health({ clock, log });
  const rates = new RateSchedule([]);
  const traffic = new Traffic({ rates, transfers: { perHub: 1, total: 1 }, clock, meter: silentMeter });
  const proxy = configured?.proxy ?? null;
  const address: HubAddress = {
    url,
    proxy: proxy?.url ?? null,
    noProxy: proxy?.noProxy ?? [],
    version,
    health,
    traffic,
    clock,
  };
  const signal = AbortSignal.timeout(60_000);
  try {
    if (request.acceptEpoch) {
      const { epoch, before } = await acceptEpoch(address, folder, signal);
      const said = epoch === before ? `epoch ${epoch} is known` : `epoch ${epoch} is believed from now on`;
      terminal.out(json ? JSON.stringify({ hub: url, epoch, before }, null, 2) : said);
      return exitCodes.ok;
    }
    if (request.tokenFile === null)
      throw new WaystationError('bad_request', '--token-file or --accept-epoch is needed');
    const token = await tokenIn(request.tokenFile);
    const name = popNameOf(request.name ?? configured?.name ?? nameOfHost());
    const made = await register(address, { folder, token, name }, signal);
    const said = `registered at ${url} as ${made.name} (${made.id})`;
    terminal.out(json ? JSON.stringify({ hub: url, id: made.id, name: made.name }, null, 2) : plainText(said));
    return exitCodes.ok;
  } finally {
    health.close(new WaystationError('cancelled', 'the command has ended'));
  }
}

function hubUrl(text: string): string {
  const problem = webUrlProblem(text, { query: false });
  if (problem !== null || !/^https:/i.test(text))
    throw new WaystationError('bad_request', `--hub ${problem ?? 'must begin with https://'}`);
  return baseUrl(text);
}

function popNameOf(text: string): string {
  const name = popName.safeParse(text);
  if (name.success) return name.data;
  throw new WaystationError('bad_request', '--name must be 1 to 63 of a-z, 0-9, . and -');
}

function originOf(url: string): string {
  return new URL(url).origin;
}

async function tokenIn(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason = systemCode(error) ?? 'unknown';
    throw new WaystationError('secret_unreadable', `token file ${file} cannot be read: ${reason}`, { cause: error });
  }
}
