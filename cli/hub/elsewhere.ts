import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { systemCode, WaystationError } from '../../base/errors.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import type { HubControl } from '../../hub/api/control.ts';
import type { Terminal } from '../terminal.ts';
import { terminalLog } from '../terminal-log.ts';
import type { HubFrame, InsteadOfConfigured } from './frame.ts';
import type { RemoteIdentity } from './remote-control.ts';

/** Options of commands that act on the store of this machine, or on a hub elsewhere. */
interface Elsewhere {
  readonly hub?: string;
  readonly tokenFile?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
}

/** Adds them. */
export function orElsewhere(command: Command): Command {
  return command
    .option('--hub <url>', 'act on the hub there by its API, not on the store of this machine')
    .option('--token-file <file>', 'with --hub: the file with the token of an operator')
    .option('--cert <file>', 'with --hub, in the place of a token: the certificate of an operator')
    .option('--key <file>', 'with --cert: its key')
    .option('--ca <file>', 'with --hub: the certificate of its authority, ca.crt of its keys');
}

/**
 * The hub that a command line means.
 * @throws WaystationError `bad_request`, `secret_unreadable`
 */
export async function controlOf(
  self: Command,
  { loaded, terminal }: Pick<HubFrame, 'loaded' | 'terminal'>,
  { gates }: InsteadOfConfigured = {},
): Promise<HubControl> {
  const asked = self.optsWithGlobals<Elsewhere>();
  const { hub, ca } = asked;
  if (hub === undefined) {
    if ([asked.tokenFile, asked.cert, asked.key, ca].some((each) => each !== undefined))
      throw new WaystationError('bad_request', '--token-file, --cert, --key and --ca go with --hub');
    const config = await loaded(self);
    return localControl(gates === undefined ? config : { ...config, gates }, terminal);
  }
  if (gates !== undefined)
    throw new WaystationError('bad_request', '--gates goes without --hub: there the gates of its configuration count');
  const as = await identityOf(asked);
  if (!URL.canParse(hub) || new URL(hub).protocol !== 'https:')
    throw new WaystationError('bad_request', '--hub is the URL of a hub, https://…');
  const { remoteControl } = await import('./remote-control.ts');
  return remoteControl({ url: hub, as, ca: ca === undefined ? null : await textOf(ca) });
}

/** Who acts. */
async function identityOf({ tokenFile, cert, key }: Elsewhere): Promise<RemoteIdentity> {
  if (tokenFile !== undefined && cert === undefined && key === undefined)
    return { token: (await textOf(tokenFile)).trim() };
  if (tokenFile !== undefined || cert === undefined || key === undefined)
    throw new WaystationError('bad_request', '--hub needs --token-file, or --cert and --key');
  const own = { cert: await textOf(cert), key: await textOf(key) };
  if (!belongTogether(own)) throw new WaystationError('secret_unreadable', `${key} is not the key of ${cert}`);
  return own;
}

function belongTogether({ cert, key }: { readonly cert: string; readonly key: string }): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

async function localControl(config: HubConfig, terminal: Terminal): Promise<HubControl> {
  const [{ storeControl }, { localUser }, { findingText }] = await Promise.all([
    import('./store-control.ts'),
    import('./local-user.ts'),
    import('./gate-text.ts'),
  ]);
  return storeControl({
    config,
    who: localUser(),
    log: terminalLog(terminal),
    onFindings: (findings) => {
      for (const finding of findings) terminal.err(findingText(finding, terminal.paint));
    },
  });
}

/** @throws WaystationError `secret_unreadable` */
export async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new WaystationError('secret_unreadable', `${file} cannot be read: ${systemCode(cause)}`, { cause });
  }
}
