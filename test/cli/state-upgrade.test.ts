import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Layout } from '../../cache/disk/layout.ts';
import { stateFormats } from '../../cache/disk/formats.ts';
import type { StateFormats } from '../../cache/disk/formats.ts';
import { stateUpgrade } from '../../cli/commands/state.ts';
import { lockState } from '../../cli/state-lock.ts';
import type { Terminal } from '../../cli/terminal.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { waystation } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** A made-up next format. */
const nextFormats: StateFormats = [
  ...stateFormats,
  {
    number: 2,
    layout: (root) => new Layout(root),
    step: { summary: 'maps/ is made anew', run: (disk, root) => disk.syncFolder(root) },
  },
];

interface Printed extends Terminal {
  readonly lines: string[];
}

function printed(): Printed {
  const lines: string[] = [];
  return {
    lines,
    out: (line) => void lines.push(line),
    err: (line) => void lines.push(line),
    paint: (_, text) => text,
    live: null,
  };
}

describe('state upgrade', () => {
  test('shows what it does', async () => {
    await using folder = await temporaryDirectory();
    const root = folder.path;
    await writeFile(join(root, 'FORMAT'), 'waystation 1\n');
    const terminal = printed();
    expect(await stateUpgrade({ root, json: false, formats: nextFormats }, terminal)).toBe(0);
    expect(terminal.lines).toEqual([
      'format 1 to 2: maps/ is made anew',
      `${root} is in format 2 now; versions that do not know it refuse it`,
    ]);
    expect(await readFile(join(root, 'FORMAT'), 'utf8')).toBe('waystation 2\n');
    const again = printed();
    expect(await stateUpgrade({ root, json: false, formats: nextFormats }, again)).toBe(0);
    expect(again.lines).toEqual([`${root} is in format 2 already: nothing to do`]);
  });

  test('prints one JSON document', async () => {
    await using folder = await temporaryDirectory();
    const root = folder.path;
    await writeFile(join(root, 'FORMAT'), 'waystation 1\n');
    const terminal = printed();
    expect(await stateUpgrade({ root, json: true, formats: nextFormats }, terminal)).toBe(0);
    expect(JSON.parse(terminal.lines.join('\n'))).toEqual({
      state: root,
      from: 1,
      to: 2,
      steps: [{ from: 1, to: 2, summary: 'maps/ is made anew' }],
    });
  });

  test('of a directory that somebody uses is refused, and says to stop the service', async () => {
    await using folder = await temporaryDirectory();
    const root = folder.path;
    await writeFile(join(root, 'FORMAT'), 'waystation 1\n');
    const lock = await lockState(root);
    await expect(stateUpgrade({ root, json: false, formats: nextFormats }, printed())).rejects.toMatchObject({
      code: 'state_locked',
      message: expect.stringContaining('stop the service'),
    });
    expect(await readFile(join(root, 'FORMAT'), 'utf8')).toBe('waystation 1\n');
    lock.release();
  });

  test('gives the lock back when it fails', async () => {
    await using folder = await temporaryDirectory();
    const root = folder.path;
    await writeFile(join(root, 'FORMAT'), 'waystation 1\n');
    const request = { root, json: false, formats: nextFormats, disk: FaultyDisk.failingNth(3, 'ENOSPC') };
    await expect(stateUpgrade(request, printed())).rejects.toMatchObject({ code: 'disk_full' });
    expect(await stateUpgrade({ root, json: false, formats: nextFormats }, printed())).toBe(0);
  });
});

describe('the command', () => {
  async function configured(root: string, state: string): Promise<string> {
    const config = join(root, 'waystation.yaml');
    await writeFile(config, `state: ${state}\nlisten: { socket: ${join(root, 'none.sock')} }\n`);
    return config;
  }

  test('finds nothing to do in a directory of this version: 0', async () => {
    await using folder = await temporaryDirectory();
    const state = join(folder.path, 'state');
    const config = await configured(folder.path, state);
    await mkdir(state);
    expect(await waystation('state', 'upgrade', '--config', config)).toEqual({
      code: 0,
      stdout: `${state} is empty: nothing to do\n`,
      stderr: '',
    });
    await writeFile(join(state, 'FORMAT'), 'waystation 1\n');
    const { code, stdout } = await waystation('state', 'upgrade', '--json', '--config', config);
    expect([code, JSON.parse(stdout)]).toEqual([0, { state, from: 1, to: 1, steps: [] }]);
  });

  test('fails on a directory that is not there, or is of a newer version: 1', async () => {
    await using folder = await temporaryDirectory();
    const state = join(folder.path, 'state');
    const config = await configured(folder.path, state);
    const missing = await waystation('state', 'upgrade', '--config', config);
    expect([missing.code, missing.stdout]).toEqual([1, '']);
    expect(missing.stderr).toContain(`${state}: there is no such directory`);
    await mkdir(state);
    await writeFile(join(state, 'FORMAT'), 'waystation 99\n');
    const newer = await waystation('state', 'upgrade', '--config', config);
    expect([newer.code, newer.stdout]).toEqual([1, '']);
    expect(newer.stderr).toContain('install the version that wrote it');
  });

  test('is told to try again while the directory is in use: 75', async () => {
    await using folder = await temporaryDirectory();
    const config = await configured(folder.path, folder.path);
    const lock = await lockState(folder.path);
    const { code, stderr } = await waystation('state', 'upgrade', '--config', config);
    expect(code).toBe(75);
    expect(stderr).toContain('stop the service');
    lock.release();
  });

  test('knows no other word: 2', async () => {
    for (const words of [['state'], ['state', 'downgrade'], ['state', 'upgrade', 'word']]) {
      const { code, stdout } = await waystation(...words);
      expect([words, code, stdout]).toEqual([words, 2, '']);
    }
  });
});
