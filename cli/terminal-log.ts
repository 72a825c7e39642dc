import type { Logger } from '../base/log.ts';
import { plainText, type Terminal } from './terminal.ts';

/** What the store has to say that a person should know, on stderr: for commands that work without the service. */
export function terminalLog(terminal: Terminal): Logger {
  const tell = (fields: object, message: string): void => {
    const told = Object.entries(fields).filter(([name]) => ['path', 'error', 'reason'].includes(name));
    terminal.err(plainText(['waystation:', message, ...told.map(([name, value]) => `${name}=${value}`)].join(' ')));
  };
  const log: Logger = { debug: () => {}, info: () => {}, warn: tell, error: tell, child: () => log };
  return log;
}
