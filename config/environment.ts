import { delimiter } from 'node:path';

/** What the process is told by its environment. This file is its only reader. */
export interface Environment {
  /** The configuration file when no `--config` names another; absolute or relative to the working directory. */
  readonly configFile: string;
  /** systemd.exec(5): where credentials of the unit are. */
  readonly credentialsDirectory: string | null;
  /** sd_notify(3): the socket to report readiness to; a leading `@` means an abstract socket. */
  readonly notifySocket: string | null;
  /** sd_watchdog_enabled(3): milliseconds in which systemd wants a sign of life; null when it wants none. */
  readonly watchdogInterval: number | null;
  /** Folders in which programs of the machine are looked for. */
  readonly searchPath: readonly string[];
  /** no-color.org: no colours in what commands print. */
  readonly noColor: boolean;
  /** term(7): the terminal cannot move its cursor. */
  readonly dumbTerminal: boolean;
}

export const defaultConfigFile = '/etc/waystation/waystation.yaml';

export function readEnvironment(
  variables: Readonly<Record<string, string | undefined>> = process.env,
  pid: number = process.pid,
): Environment {
  const text = (name: string): string | null => variables[name] || null;
  return {
    configFile: text('WAYSTATION_CONFIG') ?? defaultConfigFile,
    credentialsDirectory: text('CREDENTIALS_DIRECTORY'),
    notifySocket: text('NOTIFY_SOCKET'),
    watchdogInterval: watchdogInterval(text('WATCHDOG_USEC'), text('WATCHDOG_PID'), pid),
    searchPath: (text('PATH') ?? '').split(delimiter).filter((folder) => folder !== ''),
    noColor: text('NO_COLOR') !== null,
    dumbTerminal: text('TERM') === 'dumb',
  };
}

function watchdogInterval(microseconds: string | null, addressee: string | null, pid: number): number | null {
  if (microseconds === null || !/^\d{1,15}$/.test(microseconds)) return null;
  // The variables are inherited; with another pid in them they are meant for a parent.
  if (addressee !== null && addressee !== String(pid)) return null;
  const milliseconds = Number(microseconds) / 1000;
  return milliseconds > 0 ? milliseconds : null;
}
