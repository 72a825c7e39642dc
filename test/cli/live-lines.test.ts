import { expect, test } from 'vitest';
import { liveLines } from '../../cli/live-lines.ts';

/** A terminal of so many lines that does what it is told; `screen` is what a person sees. */
function terminal(rows: number) {
  const lines: string[] = [''];
  let row = 0;
  const write = (text: string): void => {
    // oxlint-disable-next-line no-control-regex -- control sequences are what is looked for
    for (const [, up, plain] of text.matchAll(/\u001b\[(\d*)[AJ]|\u001b\[\?7[lh]|([^\u001b])/gsu)) {
      if (plain === '\r') continue;
      if (plain === '\n') row += 1;
      else if (plain !== undefined) lines[row] = (lines[row] ?? '') + plain;
      else if (up) row = Math.max(0, row - Number(up));
      else if (up === '') lines.length = row;
      lines[row] ??= '';
    }
  };
  return {
    stream: { write, rows },
    screen: () => lines.filter((line, index) => line !== '' || index < lines.length - 1),
  };
}

test('lines are written over, and others stay above them', () => {
  const { stream, screen } = terminal(24);
  const live = liveLines(stream);
  live.show(['a 1', 'b 1']);
  live.show(['a 2', 'b 1']);
  expect(screen()).toEqual(['a 2', 'b 1']);
  live.above('a done');
  expect(screen()).toEqual(['a done', 'a 2', 'b 1']);
  live.show(['b 2']);
  expect(screen()).toEqual(['a done', 'b 2']);
  live.above('b done');
  live.show([]);
  expect(screen()).toEqual(['a done', 'b done']);
});

test('nothing is written when nothing changed', () => {
  const written: string[] = [];
  const live = liveLines({ write: (text) => written.push(text), rows: 24 });
  live.show(['a']);
  live.show(['a']);
  expect(written).toHaveLength(1);
});

test('what does not fit into the window is counted', () => {
  const { stream, screen } = terminal(5);
  liveLines(stream).show(['1', '2', '3', '4', '5']);
  expect(screen()).toEqual(['1', '2', '… and 3 more']);
});
