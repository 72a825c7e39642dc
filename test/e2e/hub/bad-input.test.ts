import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { succeed } from '../../support/command.ts';
import type { CommandResult } from '../../support/command-line.ts';
import { waystation } from '../../support/command-line.ts';
import { FaultyOrigin, flippedAt, Gate, stallAt } from '../../support/faulty-origin.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { hubDirectory, numberedPackages } from '../../support/hub-directory.ts';
import type { HubDirectory } from '../../support/hub-directory.ts';
import { incompressibleText } from '../../support/incompressible-text.ts';
import { mounts, smallFileSystem } from '../../support/mounts.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { describeWith } from '../../support/tools.ts';

const executable = fileURLToPath(new URL('../../../cli/waystation.ts', import.meta.url));

async function names({ hub }: HubDirectory): Promise<readonly string[]> {
  const { snapshots } = JSON.parse((await hub('snapshot', 'list', '--json')).stdout);
  return snapshots.map(({ name }: { name: string }) => name);
}

const packagesAsked = (origin: FaultyOrigin, from = 0): readonly string[] =>
  origin.requests.slice(from).flatMap(({ path }) => (path.endsWith('.rpm') ? [path] : []));

async function create(directory: HubDirectory, origin: FaultyOrigin, name = 'one'): Promise<CommandResult> {
  const from = await directory.sources([{ type: 'yum', path: 'base', url: `${origin.url}base/` }]);
  return directory.hub('snapshot', 'create', name, '--from', from);
}

describe('a snapshot is not made', { timeout: 300_000 }, () => {
  test('of a source that changes while it is read; the next one is of what is there then', async () => {
    await using origin = await FaultyOrigin.start();
    await using directory = await hubDirectory();
    const before = putRepository(origin, 'base', { packages: numberedPackages(5, () => 1) });
    const gate = new Gate();
    // repomd.xml was read; its records are gone before they are.
    const rule = origin.on(/repomd\.xml$/, stallAt(10, gate));
    const making = create(directory, origin);
    await origin.requested(/repomd\.xml$/);
    for (const { href } of before.records) origin.remove(`base/${href}`);
    gate.open();
    const failed = await making;
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringMatching(/base.*upstream_missing/)]);
    expect(await names(directory)).toEqual([]);
    rule.remove();

    putRepository(origin, 'base', { packages: numberedPackages(5, () => 2) });
    // A package that is another one than was listed.
    const changed = origin.on(/pkg3-2/, flippedAt(100));
    const lied = await create(directory, origin);
    expect([lied.code, lied.stderr]).toEqual([1, expect.stringMatching(/pkg3-2-1.noarch.rpm: upstream_lied/)]);
    expect(await names(directory)).toEqual([]);
    changed.remove();
    const asked = origin.requests.length;
    expect(await create(directory, origin)).toMatchObject({ code: 0 });
    expect(packagesAsked(origin, asked)).toEqual(['/base/p/pkg3-2-1.noarch.rpm']);
    expect(await names(directory)).toEqual(['one']);
  });

  test('when it is killed; the next run fetches nothing that was had', async () => {
    await using origin = await FaultyOrigin.start();
    await using directory = await hubDirectory();
    putRepository(origin, 'base', { packages: numberedPackages(60, () => 1) });
    const gate = new Gate();
    const rule = origin.on(/pkg5[0-9]-/, stallAt(10, gate));
    const from = await directory.sources([{ type: 'yum', path: 'base', url: `${origin.url}base/` }]);
    const words = ['hub', 'snapshot', 'create', 'one', '--from', from, '--config', directory.config.file];
    const child = spawn(process.execPath, [executable, ...words], { stdio: 'ignore' });
    // Packages and the three files of metadata.
    await expect.poll(async () => (await directory.blobs()).length, { timeout: 60_000 }).toBeGreaterThanOrEqual(40);
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(await names(directory)).toEqual([]);
    const had = (await directory.blobs()).length;
    rule.remove();
    gate.open();

    const asked = origin.requests.length;
    expect(await create(directory, origin)).toMatchObject({ code: 0 });
    const all = await directory.blobs();
    expect(all).toHaveLength(63);
    const packagesHad = had - 3;
    expect(packagesAsked(origin, asked)).toHaveLength(60 - packagesHad);
    expect(await names(directory)).toEqual(['one']);
  });

  test('in a store that is none, is half there, or is of a layout that is not known', async () => {
    await using origin = await FaultyOrigin.start();
    await using directory = await hubDirectory();
    putRepository(origin, 'base', { packages: numberedPackages(3, () => 1) });
    const format = join(directory.path, 'store/FORMAT');
    const good = await readFile(format);
    const refused = async (why: RegExp): Promise<void> => {
      const made = await create(directory, origin);
      expect([made.code, made.stderr]).toEqual([1, expect.stringMatching(why)]);
      expect(await directory.hub('init')).toMatchObject({ code: 1, stderr: expect.stringMatching(why) });
      expect(origin.requests).toEqual([]);
    };
    await writeFile(format, good.toString().replace('"layout":1', '"layout":2'));
    await refused(/layout 2, this version knows 1/);
    await writeFile(format, good.subarray(0, 10));
    await refused(/FORMAT is not that of a hub/);
    await writeFile(format, '');
    await refused(/FORMAT is not that of a hub/);
    await writeFile(format, good);
    expect(await create(directory, origin)).toMatchObject({ code: 0 });

    // A file that was cut, as by a backup that was restored in part, and a snapshot that was.
    const [cut = ''] = (await directory.blobs()).toSorted();
    const whole = await readFile(cut);
    await truncate(cut, 7);
    await truncate(join(directory.path, 'store/public/snapshots/one.jws'), 100);
    expect(await directory.hub('snapshot', 'show', 'one')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/refused/),
    });
    expect(await create(directory, origin)).toMatchObject({ code: 1, stderr: expect.stringMatching(/refused/) });
    expect(await create(directory, origin, 'two')).toMatchObject({ code: 0 });
    expect((await readFile(cut)).equals(whole)).toBe(true);

    await using foreign = await temporaryDirectory();
    await mkdir(join(foreign.path, 'store'));
    await writeFile(join(foreign.path, 'store/notes.txt'), 'mine');
    const config = join(foreign.path, 'hub.yaml');
    await writeFile(
      config,
      'publicUrl: https://h.example\nstore: { type: directory, path: store }\nkeys: keys\nstate: state\n',
    );
    expect(await waystation('hub', 'init', '--config', config)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/not a hub's/),
    });
    expect(await readdir(foreign.path)).toEqual(['hub.yaml', 'store']);
    expect(await readdir(join(foreign.path, 'store'))).toEqual(['notes.txt']);
  });
});

describeWith([mounts], 'a full disk of a hub', () => {
  test(
    'stops a snapshot that does not fit, and the next one goes on when there is room',
    { timeout: 300_000 },
    async () => {
      await using origin = await FaultyOrigin.start();
      const packages = Array.from({ length: 12 }, (_, index) => [
        `p/pkg${index}-1-1.noarch.rpm`,
        incompressibleText(400_000, `full-${index}`),
      ]);
      putRepository(origin, 'base', { packages: Object.fromEntries(packages) });
      await using directory = await hubDirectory();
      const store = join(directory.path, 'store');
      // What `init` has made goes onto the small disk.
      const aside = join(directory.path, 'aside');
      await succeed('mv', [store, aside]);
      await mkdir(store);
      // Room for the eight that come at a time, and not for all twelve: some are whole before one finds none.
      await using _ = await smallFileSystem(store, '4m');
      await succeed('cp', ['-a', `${aside}/.`, store]);
      const failed = await create(directory, origin);
      expect([failed.code, failed.stderr]).toEqual([1, expect.stringMatching(/ENOSPC/)]);
      expect(await names(directory)).toEqual([]);
      // What is there is whole: files of 400,000 bytes and of metadata.
      const had = await directory.blobs();
      expect(had.length).toBeGreaterThan(3);

      // What could be removed can be: there is room for that.
      expect(await directory.hub('collect', '--age', '1h')).toMatchObject({ code: 0 });
      expect(await directory.blobs()).toEqual(had);

      await succeed('mount', ['-o', 'remount,size=16m', store]);
      const asked = origin.requests.length;
      expect(await create(directory, origin)).toMatchObject({ code: 0 });
      expect(packagesAsked(origin, asked)).toHaveLength(12 - (had.length - 3));
      expect(await names(directory)).toEqual(['one']);
    },
  );
});
