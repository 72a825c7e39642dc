import { stripVTControlCharacters, styleText } from 'node:util';
import { readEnvironment } from '../config/environment.ts';
import { liveLines, type LiveLines } from './live-lines.ts';

/** Where a command writes. */
export interface Terminal {
  /** Writes a line on stdout. */
  readonly out: (line: string) => void;
  /** Writes a line on stderr. */
  readonly err: (line: string) => void;
  /** Colours the text if stdout is a terminal that wants colours. */
  readonly paint: (style: 'bold' | 'dim' | 'green' | 'yellow' | 'red', text: string) => string;
  /** Lines that are written over; null: stdout is no terminal that can do that. */
  readonly live: LiveLines | null;
}

export function processTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // `| head` has read enough: not a failure of the command.
      if (error.code !== 'EPIPE') throw error;
    });
  }
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    paint: (style, text) => styleText(style, text, { stream: process.stdout, validateStream: true }),
    live: process.stdout.isTTY && !readEnvironment().dumbTerminal ? liveLines(process.stdout) : null,
  };
}

/** One line that cannot move the cursor or colour the terminal: names and messages come from upstream. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}
