import { chmod, copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { nativeAddons } from '../../packaging/native-addons.ts';
import { startOrigin } from '../../demo/origin.ts';
import { command, succeed } from '../support/command.ts';
import { freePorts, Pop } from '../support/pop.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, root } from '../support/tools.ts';
import { BarePop, runBare } from './program.ts';

const checkout = join(import.meta.dirname, '../..');
const { version } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as { version: string };
const loaded = 'native addon loaded';

async function configured(directory: TemporaryDirectory, state = 'state'): Promise<string> {
  const [content, admin] = await freePorts(2);
  const file = join(directory.path, 'waystation.yaml');
  const listen = { content: `127.0.0.1:${content}`, admin: `127.0.0.1:${admin}`, socket: join(directory.path, 's') };
  await writeFile(file, JSON.stringify({ listen, state: join(directory.path, state) }));
  return file;
}

async function folder(): Promise<TemporaryDirectory> {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory[Symbol.asyncDispose]());
  return directory;
}

describe('the executable, where nothing is installed', () => {
  test('--version names commit, formats and the Node in it', async () => {
    const { code, stdout, stderr } = await runBare(['--version']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^waystation \S+ \(commit ([0-9a-f]{12}(-dirty)?|unknown), state format \d+, map format \d+, node v26\.\S+, linux \w+\)\n$/,
    );
    expect(stdout.split(' ')[1]).toBe(version);
  });

  test('configurations are checked, with the same words as in a checkout', async () => {
    const directory = await folder();
    const file = join(directory.path, 'wrong.yaml');
    await writeFile(file, 'state: relative\nnonsense: 1\n');
    const built = await runBare(['config', 'check', '--config', file]);
    const { WAYSTATION_BINARY: _, ...rest } = process.env;
    expect(built.code).toBe(78);
    expect(built.stderr).toContain('wrong.yaml:2:1: nonsense');
    const sources = [join(checkout, 'cli/waystation.ts'), 'config', 'check', '--config', file];
    expect(built).toEqual(await command(process.execPath, sources, { env: rest }));
  });

  test('NODE_OPTIONS changes nothing', async () => {
    const env = { NODE_OPTIONS: '--no-such-option' };
    expect(await command(inject('builtProgram'), ['--version'], { env })).toMatchObject({ code: 0, stderr: '' });
  });

  test('a signed repository is read, proven and served, also by the next process', async () => {
    const origin = await startOrigin(join(checkout, 'demo/repository'));
    const key = await readFile(join(checkout, 'demo/repository/RPM-GPG-KEY-demo'), 'utf8');
    await using pop = await Pop.start({
      repositories: [{ path: 'demo', url: origin.url, gpgKey: 'key.asc', repoGpgCheck: true }],
      files: { 'key.asc': key },
    });
    await pop.published();
    expect(await pop.stop()).toEqual({ code: 0, signal: null });
    await origin.close();
    await pop.launch();
    const served = await (await fetch(`${pop.content}/content/demo/repodata/repomd.xml`)).text();
    expect(served).toBe(await readFile(join(checkout, 'demo/repository/repodata/repomd.xml'), 'utf8'));
    expect(pop.output).not.toContain('notes stay in memory');
  });
});

describe('its native addon', () => {
  const [addon] = nativeAddons(checkout);
  if (addon === undefined) throw new Error('there is no addon');

  test('is unpacked into a private folder of the state directory, and used again by the next process', async () => {
    const directory = await folder();
    const file = await configured(directory);
    const native = join(directory.path, 'state/native');
    // What another version left.
    await mkdir(join(native, 'of-another-version'), { recursive: true, mode: 0o700 });
    await chmod(join(directory.path, 'state'), 0o700);
    const times = new Set<number>();
    for (let run = 0; run < 2; run += 1) {
      await using pop = await BarePop.start(file);
      const path = String(pop.line(loaded)?.['path']);
      expect(path).toMatch(new RegExp(`^${native}/[0-9a-f]{64}/classic-level\\.node$`));
      expect(await readFile(path)).toEqual(await readFile(addon.file));
      expect((await stat(path)).mode & 0o777).toBe(0o500);
      expect((await stat(native)).mode & 0o777).toBe(0o700);
      expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700);
      expect(await readdir(native)).toHaveLength(1);
      times.add((await stat(path)).ctimeMs);
      expect(await pop.stop()).toBe(0);
    }
    expect(times.size).toBe(1);
  });

  test('that somebody changed on disk is not loaded', async () => {
    const directory = await folder();
    const file = await configured(directory);
    const first = await BarePop.start(file);
    const path = String(first.line(loaded)?.['path']);
    await first.stop();
    await chmod(path, 0o700);
    await writeFile(path, 'something else');
    await using pop = await BarePop.start(file);
    expect(pop.line(loaded)).toMatchObject({ path });
    expect(await readFile(path)).toEqual(await readFile(addon.file));
  });

  test('is loaded from beside the executable if it lies there, and is the same', async () => {
    const directory = await folder();
    const file = await configured(directory);
    const executable = join(directory.path, 'waystation');
    const beside = join(directory.path, 'classic-level.node');
    await copyFile(inject('builtProgram'), executable);
    await copyFile(addon.file, beside);
    const pop = await BarePop.start(file, executable);
    expect(pop.line(loaded)).toMatchObject({ path: beside });
    await pop.stop();
    await writeFile(beside, 'of another version');
    await using other = await BarePop.start(file, executable);
    expect(other.line(loaded)?.['path']).not.toBe(beside);
    expect(other.output).toContain('belongs to another version');
  });

  test('is not unpacked where others can write, but loaded from memory', async () => {
    const directory = await folder();
    const file = await configured(directory);
    await mkdir(join(directory.path, 'state'));
    await chmod(join(directory.path, 'state'), 0o777);
    await using pop = await BarePop.start(file);
    expect(pop.line(loaded)?.['path']).toMatch(/^\/proc\/self\/fd\/\d+$/);
    expect(pop.output).toContain('can be written by others');
    expect(await readdir(join(directory.path, 'state'))).not.toContain('native');
  });
});

describeWith([root], 'a state directory from which nothing may be executed', () => {
  test('the addon is loaded from memory, and notes are kept', async () => {
    const directory = await folder();
    const file = await configured(directory);
    const state = join(directory.path, 'state');
    await mkdir(state);
    await succeed('mount', ['-t', 'tmpfs', '-o', 'noexec,mode=0700', 'tmpfs', state]);
    onTestFinished(async () => {
      await succeed('umount', ['--lazy', state]);
    });
    const pop = await BarePop.start(file);
    expect(pop.line(loaded)?.['path']).toMatch(/^\/proc\/self\/fd\/\d+$/);
    expect(pop.line('a native addon cannot be loaded from there; trying the next place')).toMatchObject({
      reason: expect.stringContaining('the state directory:') as string,
    });
    expect(await pop.stop()).toBe(0);
    expect(await readdir(join(state, 'index'))).toContain('CURRENT');
  });
});
