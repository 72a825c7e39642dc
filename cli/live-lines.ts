/** Lines at the bottom of a terminal that are written over as things go on. */
export interface LiveLines {
  /** Puts these in the place of those before. */
  show(lines: readonly string[]): void;
  /** Writes a line that stays, above them. */
  above(line: string): void;
}

interface TerminalStream {
  write(text: string): unknown;
  /** Lines that the window has. */
  readonly rows?: number;
}

const clearBelow = '\u001b[J';
/** Between these two a line that is too long is cut, not wrapped: the lines that are counted are those that are seen. */
const [cutting, wrapping] = ['\u001b[?7l', '\u001b[?7h'];

/** @param stream a terminal that knows the usual sequences for moving the cursor. */
export function liveLines(stream: TerminalStream): LiveLines {
  let shown: readonly string[] = [];
  const back = (): string => (shown.length === 0 ? '' : `\u001b[${shown.length}A\r${clearBelow}`);
  const draw = (lines: readonly string[]): string =>
    lines.length === 0 ? '' : `${cutting}${lines.map((line) => `${line}\n`).join('')}${wrapping}`;
  return {
    show(lines) {
      // The cursor cannot go back to what has left the window.
      const most = Math.max(1, (stream.rows ?? 24) - 2);
      const fit = lines.length <= most ? lines : [...lines.slice(0, most - 1), `… and ${lines.length - most + 1} more`];
      if (fit.length === shown.length && fit.every((line, index) => line === shown[index])) return;
      stream.write(back() + draw(fit));
      shown = fit;
    },
    above(line) {
      stream.write(`${back()}${line}\n${draw(shown)}`);
    },
  };
}
