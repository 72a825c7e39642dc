import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeState } from './state-maker.ts';
import type { StateShape } from './state-maker.ts';

/** What the figures are promised for, by the number of blobs. */
const shapes: Readonly<Record<string, StateShape>> = {
  '10000': { blobs: 10_000, repositories: 1, generations: 1, packages: 60_000 },
  '100000': { blobs: 100_000, repositories: 2, generations: 3, packages: 60_000 },
  '1000000': { blobs: 1_000_000, repositories: 20, generations: 3, packages: 60_000 },
};

/** A made state directory, and a folder beside it for a service's own files. */
export interface MadeState {
  readonly shape: StateShape;
  readonly state: string;
  readonly folder: string;
}

/**
 * Makes the states that are asked for by their numbers of blobs, one after the other, and measures on each.
 * `--in FOLDER` keeps them there for the next benchmark; otherwise they are removed.
 * @param usual sizes when none is given. @param measure is also told what `--program built` or `sources` says.
 */
export async function onMadeStates(
  givenArguments: readonly string[],
  usual: readonly string[],
  measure: (made: MadeState, program: string | null) => Promise<void>,
): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...givenArguments],
    options: { in: { type: 'string' }, program: { type: 'string' } },
    allowPositionals: true,
  });
  const work = values.in === undefined ? mkdtempSync(join(tmpdir(), 'waystation-bench-')) : resolve(values.in);
  try {
    for (const size of positionals.length > 0 ? positionals : usual) {
      const shape = shapes[size];
      if (shape === undefined) throw new Error(`${size} blobs: choose from ${Object.keys(shapes).join(', ')}`);
      const folder = join(work, size);
      const state = join(folder, 'state');
      mkdirSync(folder, { recursive: true });
      await makeState(state, shape);
      await measure({ shape, state, folder }, values.program ?? null);
      if (values.in === undefined) rmSync(folder, { recursive: true, force: true });
    }
  } finally {
    if (values.in === undefined) rmSync(work, { recursive: true, force: true });
  }
}
