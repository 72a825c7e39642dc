import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CommandResult } from '../../support/command-line.ts';
import { waystation } from '../../support/command-line.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { status } from '../../support/faulty-origin-lies.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { incompressibleText } from '../../support/incompressible-text.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

/** A hub on a fresh directory, before anything is in it. */
async function freshHub(directory: string): Promise<(...words: string[]) => Promise<CommandResult>> {
  const config = join(directory, 'hub.yaml');
  const places = 'store: { type: directory, path: store }\nkeys: keys\nstate: state\n';
  await writeFile(config, `publicUrl: https://hub.example.com\n${places}`);
  const hub = (...words: string[]): Promise<CommandResult> => waystation('hub', ...words, '--config', config);
  expect(await hub('init')).toMatchObject({ code: 0 });
  return hub;
}

async function sources(directory: string, ...repositories: object[]): Promise<string> {
  const file = join(directory, 'sources.yaml');
  await writeFile(file, JSON.stringify({ repositories }));
  return file;
}

function packages(count: number, version: (index: number) => number): Record<string, string> {
  const all = Array.from({ length: count }, (_, index) => {
    const name = `p/pkg${index}-${version(index)}-1.noarch.rpm`;
    return [name, `${name} ${incompressibleText(2_000, 'snapshots')}`] as const;
  });
  return Object.fromEntries(all);
}

async function blobs(directory: string): Promise<number> {
  const entries = await readdir(join(directory, 'store/public/blobs'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

describe('snapshots of a hub', { timeout: 120_000 }, () => {
  test('store a second one with 2 % changed as 2 %, and never change', async () => {
    await using directory = await temporaryDirectory();
    await using origin = await FaultyOrigin.start();
    const hub = await freshHub(directory.path);
    const from = await sources(directory.path, { type: 'yum', path: 'el9/base', url: `${origin.url}base/` });
    putRepository(origin, 'base', { packages: packages(50, () => 1) });
    expect(await hub('snapshot', 'create', 'week-1', '--from', from)).toMatchObject({ code: 0 });
    const before = await blobs(directory.path);
    // 50 packages, repomd.xml, primary and filelists.
    expect(before).toBe(53);
    const asked = origin.requests.length;

    putRepository(origin, 'base', { packages: packages(50, (index) => (index === 7 ? 2 : 1)) });
    const second = await hub('snapshot', 'create', 'week-2', '--from', from, '--json');
    expect(second).toMatchObject({ code: 0 });
    expect(await blobs(directory.path)).toBe(before + 4);
    const fetched = origin.requests.slice(asked).filter(({ path }) => path.endsWith('.rpm'));
    expect(fetched.map(({ path }) => path)).toEqual(['/base/p/pkg7-2-1.noarch.rpm']);

    // The same name from the same content is the same snapshot; from other content it is refused.
    expect(await hub('snapshot', 'create', 'week-2', '--from', from)).toMatchObject({ code: 0 });
    const refused = await hub('snapshot', 'create', 'week-1', '--from', from);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/other content/) });
    const list = JSON.parse((await hub('snapshot', 'list', '--json')).stdout);
    expect(list.snapshots.map(({ name }: { name: string }) => name)).toEqual(['week-1', 'week-2']);
    expect(list.snapshots[1].content).toBe(JSON.parse(second.stdout).snapshot.content);
  });

  test('name every package that cannot be had, make nothing, and go on with what is missing', async () => {
    await using directory = await temporaryDirectory();
    await using origin = await FaultyOrigin.start();
    const hub = await freshHub(directory.path);
    const from = await sources(directory.path, { type: 'yum', path: 'base', url: `${origin.url}base/` });
    putRepository(origin, 'base', { packages: packages(20, () => 1) });
    origin.on(/pkg(3|4)-/, status(404));
    const failed = await hub('snapshot', 'create', 'one', '--from', from);
    expect(failed.code).toBe(1);
    for (const name of ['pkg3', 'pkg4'])
      expect(failed.stderr).toMatch(new RegExp(`base/p/${name}-1-1.noarch.rpm: upstream_missing`));
    expect((await hub('snapshot', 'show', 'one')).code).toBe(2);

    origin.clear();
    const asked = origin.requests.length;
    expect(await hub('snapshot', 'create', 'one', '--from', from)).toMatchObject({ code: 0 });
    const fetched = origin.requests.slice(asked).filter(({ path }) => path.endsWith('.rpm'));
    expect(fetched.map(({ path }) => path).toSorted()).toEqual([
      '/base/p/pkg3-1-1.noarch.rpm',
      '/base/p/pkg4-1-1.noarch.rpm',
    ]);
  });

  test('compose repositories of others, without any upstream', async () => {
    await using directory = await temporaryDirectory();
    const origin = await FaultyOrigin.start();
    const hub = await freshHub(directory.path);
    putRepository(origin, 'base', { packages: packages(3, () => 1) });
    const yum = await sources(directory.path, { type: 'yum', path: 'base', url: `${origin.url}base/` });
    expect(await hub('snapshot', 'create', 'one', '--from', yum)).toMatchObject({ code: 0 });
    await origin.stop();
    const both = await sources(directory.path, { snapshot: 'one' }, { snapshot: 'one', path: 'again' });
    expect(await hub('snapshot', 'create', 'two', '--from', both)).toMatchObject({ code: 0 });
    const { repositories } = JSON.parse((await hub('snapshot', 'show', 'two', '--json')).stdout);
    expect(Object.keys(repositories)).toEqual(['base', 'again/base']);
    expect(repositories['base']).toEqual(repositories['again/base']);
    const twice = await sources(directory.path, { snapshot: 'one' }, { snapshot: 'one' });
    expect(await hub('snapshot', 'create', 'three', '--from', twice)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/two sources bring this path/),
    });
  });

  test('are pointed to by channels, which go back and remember', async () => {
    await using directory = await temporaryDirectory();
    await using origin = await FaultyOrigin.start();
    const hub = await freshHub(directory.path);
    const from = await sources(directory.path, { type: 'yum', path: 'base', url: `${origin.url}base/` });
    for (const version of [1, 2]) {
      putRepository(origin, 'base', { packages: packages(2, () => version) });
      expect(await hub('snapshot', 'create', `week-${version}`, '--from', from)).toMatchObject({ code: 0 });
    }
    expect(await hub('promote', 'prod', 'nosuch')).toMatchObject({ code: 2 });
    expect(await hub('rollback', 'prod')).toMatchObject({ code: 2 });
    expect(await hub('promote', 'prod', 'week-1')).toMatchObject({
      code: 0,
      stdout: 'prod points to week-1 (number 1)\n',
    });
    expect(await hub('rollback', 'prod')).toMatchObject({ code: 1 });
    expect(await hub('promote', 'prod', 'week-2', '--why', 'patch day')).toMatchObject({ code: 0 });
    expect(await hub('promote', 'prod', 'week-2')).toMatchObject({ stdout: 'prod points to week-2 (number 2)\n' });
    expect(await hub('rollback', 'prod')).toMatchObject({ stdout: 'prod points to week-1 (number 3)\n' });
    const { channels } = JSON.parse((await hub('channels', 'prod', '--json')).stdout);
    expect(channels).toMatchObject([
      { sequence: 3, snapshot: 'week-1' },
      { sequence: 2, snapshot: 'week-2', why: 'patch day' },
      { sequence: 1, snapshot: 'week-1', why: null },
    ]);
    // What somebody else signed is not believed.
    await rm(join(directory.path, 'keys'), { recursive: true });
    expect(await hub('init')).toMatchObject({ code: 0 });
    expect(await hub('channels')).toMatchObject({ code: 1, stderr: expect.stringMatching(/refused/) });
  });
});
