import { readFile, writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { Generations } from '../../cache/generations/generations.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { LogLines } from '../support/log-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { generation } from './generation-documents.ts';

function load(root: string, disk: Disk = systemDisk): Promise<Generations> {
  return Generations.load(disk, new Layout(root), silentLogger);
}

test('of nothing there is no generation', async () => {
  await using folder = await temporaryDirectory();
  const generations = await load(folder.path);
  expect([generations.subscriptions(), generations.current('corp'), generations.kept('corp')]).toEqual([[], null, []]);
});

test('what was published is current, the ones before are kept, newest first, also after a restart', async () => {
  await using folder = await temporaryDirectory();
  const before = await load(folder.path);
  for (const number of [1, 2, 3]) await before.publish(generation(number));
  for (const generations of [before, await load(folder.path)]) {
    expect(generations.current('corp')).toEqual(generation(3));
    expect(generations.kept('corp').map(({ id }) => id)).toEqual([3, 2, 1].map((number) => generation(number).id));
    expect(generations.find(generation(2).id)).toEqual(generation(2));
    expect(generations.find('20200101T000000Z-00000000')).toBeNull();
  }
});

test('of two generations of one second the milliseconds decide', async () => {
  await using folder = await temporaryDirectory();
  const generations = await load(folder.path);
  const older = { ...generation(1), id: '20261123T100100Z-ffffffff', created: '2026-11-23T10:01:00.100Z' };
  const newer = { ...generation(1), id: '20261123T100100Z-00000000', created: '2026-11-23T10:01:00.900Z' };
  await generations.publish(newer);
  await generations.publish(older);
  expect((await load(folder.path)).kept('corp').map(({ id }) => id)).toEqual([newer.id, older.id]);
});

test('an older generation may be published again: it becomes current, and the order stays', async () => {
  await using folder = await temporaryDirectory();
  const generations = await load(folder.path);
  for (const number of [1, 2]) await generations.publish(generation(number));
  await generations.publish(generation(1));
  const again = await load(folder.path);
  expect(again.current('corp')?.id).toBe(generation(1).id);
  expect(again.kept('corp').map(({ id }) => id)).toEqual([generation(2).id, generation(1).id]);
});

test('the document is durable under its name before current.json names it', async () => {
  await using folder = await temporaryDirectory();
  const disk = new FaultyDisk();
  const generations = await load(folder.path, disk);
  await generations.publish(generation(1));
  const path = `generations/corp/${generation(1).id}.json`;
  const made = disk.calls.map(({ call, path: from, to }) =>
    [call, relative(folder.path, from) || '.', ...(call === 'rename' ? [relative(folder.path, String(to))] : [])].join(
      ' ',
    ),
  );
  expect(made).toEqual([
    'makeFolder generations/corp',
    `unlink ${path}.new`,
    `openPart ${path}.new`,
    `write ${path}.new`,
    `sync ${path}.new`,
    `rename ${path}.new ${path}`,
    'syncFolder generations/corp',
    'syncFolder generations',
    'unlink current.json.new',
    'openPart current.json.new',
    'write current.json.new',
    'sync current.json.new',
    'rename current.json.new current.json',
    'syncFolder .',
  ]);
});

test('whichever disk call fails, the generation before stays current, in memory and on disk, or the new one is', async () => {
  for (let n = 1; ; n += 1) {
    await using folder = await temporaryDirectory();
    await (await load(folder.path)).publish(generation(1));
    const disk = FaultyDisk.failingNth(n);
    const generations = await load(folder.path, disk);
    const failure = await generations.publish(generation(2)).catch((error: unknown) => error);
    const finished = disk.calls.length < n;
    const expected = finished ? [generation(2).id] : [generation(1).id];
    expect(failure === undefined).toBe(finished);
    if (!finished) expect(failure).toMatchObject({ code: 'disk_failing' });
    expect([generations.current('corp')?.id]).toEqual(expected);
    // Only the sync after the rename of current.json leaves open which of the two a restart serves.
    const last = disk.calls.at(-1);
    const onDisk = (await load(folder.path)).current('corp')?.id;
    if (last?.call === 'syncFolder' && last.path === folder.path) expect(onDisk).toBe(generation(2).id);
    else expect(onDisk).toBe(generation(1).id);
    // The next publish works, and loses nothing.
    if (finished) break;
    await generations.publish(generation(3));
    expect((await load(folder.path)).current('corp')?.id).toBe(generation(3).id);
    expect(n).toBeLessThan(30);
  }
});

test('a current.json that is missing is said, but not in a directory that never had one', async () => {
  await using folder = await temporaryDirectory();
  const said = async (): Promise<unknown[]> => {
    const log = new LogLines();
    await Generations.load(systemDisk, new Layout(folder.path), log);
    return log.lines.map(({ message }) => message);
  };
  expect(await said()).toEqual([]);
  await (await load(folder.path)).publish(generation(1));
  expect(await said()).toEqual([]);
  await systemDisk.unlink(new Layout(folder.path).current);
  expect(await said()).toEqual([expect.stringContaining('current.json is missing')]);
});

test.each([
  ['missing', null],
  ['empty', ''],
  ['torn', '{"format":1,"curr'],
  ['of another kind', '[]'],
  ['naming a lost document', '{"format":1,"current":{"corp":"20200101T000000Z-00000000"}}'],
])('with current.json %s the newest generation is served', async (_, text) => {
  await using folder = await temporaryDirectory();
  const before = await load(folder.path);
  for (const number of [1, 2]) await before.publish(generation(number));
  await before.publish(generation(5, {}, 'vendor'));
  const { current } = new Layout(folder.path);
  if (text === null) await systemDisk.unlink(current);
  else await writeFile(current, text);
  const generations = await load(folder.path);
  expect(generations.current('corp')).toEqual(generation(2));
  expect(generations.current('vendor')).toEqual(generation(5, {}, 'vendor'));
});

test.each([
  ['torn', (text: string) => text.slice(0, 50)],
  ['empty', () => ''],
  ['null', () => 'null'],
  ['of another format', (text: string) => text.replace('"format":1', '"format":2')],
  ['without repositories', (text: string) => text.replace(/"repositories":.*/, '"repositories":null}')],
  ['of another name', (text: string) => text.replace(/"id":"[^"]*"/, '"id":"x"')],
])('a document that is %s is passed over: the one before is served', async (_, damage) => {
  await using folder = await temporaryDirectory();
  const before = await load(folder.path);
  for (const number of [1, 2]) await before.publish(generation(number));
  const path = new Layout(folder.path).generation('corp', generation(2).id);
  await writeFile(path, damage(await readFile(path, 'utf8')));
  const generations = await load(folder.path);
  expect(generations.kept('corp')).toEqual([generation(1)]);
  expect(generations.current('corp')).toEqual(generation(1));
});

test('a folder that cannot be listed holds back only its own generations', async () => {
  await using folder = await temporaryDirectory();
  const before = await load(folder.path);
  await before.publish(generation(1));
  await before.publish(generation(1, {}, 'vendor'));
  const disk = new FaultyDisk();
  const list = async (path: string): Promise<readonly string[]> => {
    if (path.endsWith('/vendor')) throw Object.assign(new Error('bad sector'), { code: 'EIO' });
    return systemDisk.list(path);
  };
  const generations = await load(folder.path, Object.assign(disk, { list }));
  expect(generations.subscriptions()).toEqual(['corp']);
  expect(generations.current('corp')).toEqual(generation(1));
});

test('flips of several subscriptions at once all last', async () => {
  await using folder = await temporaryDirectory();
  const generations = await load(folder.path);
  const names = ['a', 'b', 'c', 'd'];
  await Promise.all(
    names.flatMap((name) => [1, 2, 3].map((number) => generations.publish(generation(number, {}, name)))),
  );
  const again = await load(folder.path);
  for (const name of names) expect(again.current(name)?.id).toBe(generation(3, {}, name).id);
  expect(again.subscriptions().toSorted()).toEqual(names);
});

test('a flip that fails does not hold up the next', async () => {
  await using folder = await temporaryDirectory();
  const disk = FaultyDisk.failingNth(3);
  const generations = await load(folder.path, disk);
  const [failed, next] = await Promise.allSettled([
    generations.publish(generation(1)),
    generations.publish(generation(2)),
  ]);
  expect([failed.status, next.status]).toEqual(['rejected', 'fulfilled']);
  expect(generations.kept('corp')).toEqual([generation(2)]);
});
