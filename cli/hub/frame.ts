import type { Command } from 'commander';
import type { HubConfig } from '../../config/hub/config.ts';
import type { HubControl } from '../../hub/api/control.ts';
import type { Terminal } from '../terminal.ts';

/** What the hub's commands share with all others. */
export interface CommandFrame {
  /** Adds a command with the options that all have. */
  readonly command: (parent: Command, name: string, summary: string) => Command;
  /** The configuration file that a command line names. */
  readonly configFile: (self: Command) => string;
  readonly end: (code: number) => void;
  readonly terminal: Terminal;
}

/** The same, with the hub's own configuration. */
export interface HubFrame extends Omit<CommandFrame, 'configFile'> {
  readonly loaded: (self: Command) => Promise<HubConfig>;
  /** Adds a command that can act on a hub elsewhere, too. */
  readonly operation: CommandFrame['command'];
  /** The hub that the command line of such a one means. */
  readonly control: (self: Command, instead?: InsteadOfConfigured) => Promise<HubControl>;
}

/** What a command line says in the place of the hub's configuration. */
export interface InsteadOfConfigured {
  /** A file of this machine. */
  readonly gates?: string | undefined;
}

export interface JsonOption {
  readonly json?: boolean;
}
