import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { systemCode, WaystationError } from '../../base/errors.ts';
import type { HubControl } from '../../hub/api/control.ts';
import { terminalLog } from '../terminal-log.ts';
import type { HubFrame } from './frame.ts';

/** Options of commands that act on the store of this machine, or on a hub elsewhere. */
interface Elsewhere {
  readonly hub?: string;
  readonly tokenFile?: string;
  readonly ca?: string;
}

/** Adds them. */
export function orElsewhere(command: Command): Command {
  return command
    .option('--hub <url>', 'act on the hub there by its API, not on the store of this machine')
    .option('--token-file <file>', 'with --hub: the file with the token of an operator')
    .option('--ca <file>', 'with --hub: the certificate of its authority, ca.crt of its keys');
}

/**
 * The hub that a command line means.
 * @throws WaystationError `bad_request`, `secret_unreadable`
 */
export async function controlOf(
  self: Command,
  { loaded, terminal }: Pick<HubFrame, 'loaded' | 'terminal'>,
): Promise<HubControl> {
  const { hub, tokenFile, ca } = self.optsWithGlobals<Elsewhere>();
  if (hub === undefined) {
    if (tokenFile !== undefined || ca !== undefined)
      throw new WaystationError('bad_request', '--token-file and --ca go with --hub');
    return localControl(self, { loaded, terminal });
  }
  if (tokenFile === undefined) throw new WaystationError('bad_request', '--hub needs --token-file');
  if (!URL.canParse(hub) || new URL(hub).protocol !== 'https:')
    throw new WaystationError('bad_request', '--hub is the URL of a hub, https://…');
  const { remoteControl } = await import('./remote-control.ts');
  const token = (await textOf(tokenFile)).trim();
  return remoteControl({ url: hub, token, ca: ca === undefined ? null : await textOf(ca) });
}

async function localControl(
  self: Command,
  { loaded, terminal }: Pick<HubFrame, 'loaded' | 'terminal'>,
): Promise<HubControl> {
  const [{ storeControl }, { localUser }, { findingText }] = await Promise.all([
    import('./store-control.ts'),
    import('./local-user.ts'),
    import('./gate-text.ts'),
  ]);
  return storeControl({
    config: await loaded(self),
    who: localUser(),
    log: terminalLog(terminal),
    onFindings: (findings) => {
      for (const finding of findings) terminal.err(findingText(finding, terminal.paint));
    },
  });
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new WaystationError('secret_unreadable', `${file} cannot be read: ${systemCode(cause)}`, { cause });
  }
}
