import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { lineOutput } from '../../cli/line-output.ts';

/** A pipe that answers EAGAIN when it is full or empty. */
function nonBlockingPipe(): number {
  const directory = mkdtempSync(join(tmpdir(), 'waystation-'));
  const path = join(directory, 'pipe');
  execFileSync('/bin/sh', ['-c', 'mkfifo "$0"', path]);
  const descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  onTestFinished(() => {
    closeSync(descriptor);
    rmSync(directory, { recursive: true });
  });
  return descriptor;
}

/** Everything that is in the pipe now. */
function readNow(descriptor: number): Buffer {
  const pieces: Buffer[] = [];
  const buffer = Buffer.alloc(65_536);
  try {
    for (;;) pieces.push(Buffer.from(buffer.subarray(0, readSync(descriptor, buffer))));
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
  }
  return Buffer.concat(pieces);
}

const line = (index: number): string => `${String(index).padStart(8, '0')} ${'é'.repeat(500)}\n`;

describe('lines', () => {
  test('go on where they stopped once a full pipe takes more', async () => {
    const descriptor = nonBlockingPipe();
    const output = lineOutput(descriptor);
    const written = Array.from({ length: 1000 }, (_, index) => line(index));
    for (const one of written) output.write(one);
    const expected = Buffer.from(written.join(''));
    let read = Buffer.alloc(0);
    while (read.length < expected.length) {
      read = Buffer.concat([read, readNow(descriptor)]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(read.equals(expected)).toBe(true);
    expect(output.lost).toBe(0);
  });

  test('of one turn are one write, and a flush does not wait for the end of the turn', () => {
    const descriptor = nonBlockingPipe();
    const output = lineOutput(descriptor);
    output.write('a\n');
    output.write('b\n');
    expect(String(readNow(descriptor))).toBe('');
    output.flush();
    expect(String(readNow(descriptor))).toBe('a\nb\n');
  });

  test('are lost and counted, and no memory with them, when nobody reads for long', () => {
    const output = lineOutput(nonBlockingPipe());
    const large = 'x'.repeat(1024 * 1024 - 1) + '\n';
    for (let index = 0; index < 70; index += 1) output.write(large);
    expect(output.lost).toBeGreaterThanOrEqual(5);
    expect(output.lost).toBeLessThanOrEqual(7);
  });

  test('to a closed descriptor end nothing', () => {
    const output = lineOutput(1_000_000);
    output.write('a\n');
    output.flush();
    expect(output.lost).toBe(0);
  });
});
