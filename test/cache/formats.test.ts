import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { currentFormat, stateFormats } from '../../cache/disk/formats.ts';
import type { FormatStep, StateFormat, StateFormats } from '../../cache/disk/formats.ts';
import { Layout } from '../../cache/disk/layout.ts';
import type { Disk } from '../../disk/disk.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Store } from '../../cache/store.ts';
import { upgradeState } from '../../cache/upkeep/upgrade.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { LogLines } from '../support/log-lines.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { generation } from './generation-documents.ts';
import { openedStore } from './opened-store.ts';
import { file, readAll } from './pieces.ts';

const patient = new AbortController().signal;
const { number: now } = currentFormat(stateFormats);

/** A made-up next format: generations and pointers have other folders. */
class NextLayout extends Layout {
  override get generations(): string {
    return join(this.root, 'releases');
  }

  override get unlisted(): string {
    return join(this.root, 'pointers');
  }
}

/** And the one after it, which moves the maps. */
class LaterLayout extends NextLayout {
  override get maps(): string {
    return join(this.root, 'packages');
  }
}

function moves(...folders: readonly (readonly [from: string, to: string])[]): FormatStep {
  return {
    summary: folders.map(([from, to]) => `${from}/ becomes ${to}/`).join(', '),
    run: async (disk: Disk, root: string) => {
      for (const [from, to] of folders)
        if ((await disk.facts(join(root, from))) !== null) await disk.rename(join(root, from), join(root, to));
      // Also when a run before moved it, and was cut short before this.
      await disk.syncFolder(root);
    },
  };
}

const next: StateFormat = {
  number: now + 1,
  layout: (root) => new NextLayout(root),
  step: moves(['generations', 'releases'], ['unlisted', 'pointers']),
};
const later: StateFormat = {
  number: now + 2,
  layout: (root) => new LaterLayout(root),
  step: moves(['maps', 'packages']),
};
/** What the next version would know, and the one after it. */
const nextFormats: StateFormats = [...stateFormats, next];
const laterFormats: StateFormats = [...stateFormats, next, later];

interface Kept {
  readonly held: ReturnType<typeof file>;
  readonly generation: number;
}

/** A directory of the current format with a file and a generation in it. */
async function kept(root: string): Promise<Kept> {
  const store = await openedStore(root);
  const held = await filled(store);
  await store.publish(generation(1));
  await store.close();
  return { held, generation: 1 };
}

async function filled(store: Store): Promise<ReturnType<typeof file>> {
  const made = file(5000);
  await store.sink.ensure('open', made.listed, new ScriptedLoader([{ bytes: made.bytes }]), patient);
  return made;
}

async function serves(root: string, formats: StateFormats, ...wanted: readonly Kept[]): Promise<void> {
  const store = await openedStore(root, { formats });
  for (const { held, generation: number } of wanted) {
    expect((await readAll((await store.blobs.open('open', held.listed))!)).bytes).toEqual(held.bytes);
    expect(store.generations.find(generation(number).id)).toEqual(generation(number));
  }
  expect(store.current('corp')).toEqual(generation(wanted.at(-1)?.generation ?? 0));
  await store.close();
}

async function refuses(root: string, formats: StateFormats, message: RegExp): Promise<void> {
  const before = await readdir(root, { recursive: true });
  await expect(openedStore(root, { formats })).rejects.toMatchObject({
    code: 'state_format_unknown',
    message: expect.stringMatching(message),
  });
  expect(await readdir(root, { recursive: true })).toEqual(before);
}

const upgrade = (root: string, formats: StateFormats, disk: Disk = systemDisk): ReturnType<typeof upgradeState> =>
  upgradeState(disk, root, formats, () => {});

describe('a directory of the format before', () => {
  test('is served and written as it is: the older version still reads all of it', async () => {
    await using folder = await temporaryDirectory();
    const old = await kept(folder.path);
    const log = new LogLines();
    const store = await openedStore(folder.path, { formats: nextFormats, log });
    expect(log.about(/state upgrade/)).toMatchObject([{ fields: { format: now, current: now + 1 } }]);
    const young = { held: await filled(store), generation: 2 };
    await store.publish(generation(2));
    await store.close();
    expect(await readFile(join(folder.path, 'FORMAT'), 'utf8')).toBe(`waystation ${now}\n`);
    await serves(folder.path, stateFormats, old, young);
    await serves(folder.path, nextFormats, old, young);
  });

  test('is upgraded when told so: all of it is served from then on, and the older version refuses it', async () => {
    await using folder = await temporaryDirectory();
    const old = await kept(folder.path);
    expect(await upgrade(folder.path, nextFormats)).toEqual({
      from: now,
      to: now + 1,
      steps: [{ from: now, to: now + 1, summary: 'generations/ becomes releases/, unlisted/ becomes pointers/' }],
    });
    await serves(folder.path, nextFormats, old);
    await refuses(folder.path, stateFormats, new RegExp(`says format ${now + 1}.*install the version that wrote it`));
    expect(await readdir(folder.path)).not.toContain('generations');
    expect(await upgrade(folder.path, nextFormats)).toEqual({ from: now + 1, to: now + 1, steps: [] });
  });
});

test('a directory of an older format yet is refused by the service, and upgraded one format after the other', async () => {
  await using folder = await temporaryDirectory();
  const old = await kept(folder.path);
  await refuses(folder.path, laterFormats, /waystation state upgrade/);
  const { steps } = await upgrade(folder.path, laterFormats);
  expect(steps.map(({ from, to }) => [from, to])).toEqual([
    [now, now + 1],
    [now + 1, now + 2],
  ]);
  await serves(folder.path, laterFormats, old);
});

test('a new directory is made in the current format', async () => {
  await using folder = await temporaryDirectory();
  await (await openedStore(folder.path, { formats: nextFormats })).close();
  expect(await readFile(join(folder.path, 'FORMAT'), 'utf8')).toBe(`waystation ${now + 1}\n`);
  expect(await readdir(folder.path)).toContain('releases');
});

test('whichever disk call of an upgrade fails, nobody serves a half of it, and a repeat completes it', async () => {
  for (let n = 1; ; n += 1) {
    await using folder = await temporaryDirectory();
    const old = await kept(folder.path);
    const disk = FaultyDisk.failingNth(n);
    const failed = await upgrade(folder.path, laterFormats, disk).then(
      () => false,
      (error: unknown) => {
        expect(error).toMatchObject({ code: 'disk_failing', message: expect.stringContaining(folder.path) });
        return true;
      },
    );
    for (const formats of [stateFormats, nextFormats, laterFormats]) {
      const store = await openedStore(folder.path, { formats }).catch((error: unknown) => {
        expect([n, error]).toMatchObject([n, { code: 'state_format_unknown' }]);
        return null;
      });
      if (store === null) continue;
      expect([n, store.current('corp')]).toEqual([n, generation(1)]);
      await store.close();
    }
    expect((await upgrade(folder.path, laterFormats)).to).toBe(now + 2);
    await serves(folder.path, laterFormats, old);
    if (failed) continue;
    expect(n).toBeGreaterThan(20);
    break;
  }
});

test('an upgrade that was cut short is said to be, with what completes it', async () => {
  await using folder = await temporaryDirectory();
  await kept(folder.path);
  await expect(
    upgrade(
      folder.path,
      nextFormats,
      new FaultyDisk(({ call, to }) => (call === 'rename' && String(to).endsWith('pointers') ? 'EIO' : null)),
    ),
  ).rejects.toMatchObject({ code: 'disk_failing' });
  await refuses(folder.path, nextFormats, /did not end.*waystation state upgrade/);
  await refuses(folder.path, stateFormats, /did not end.*waystation state upgrade/);
  await expect(upgrade(folder.path, stateFormats)).rejects.toMatchObject({ code: 'state_format_unknown' });
});

test.each<[string, string, RegExp]>([
  ['newer', `waystation ${now + 5}\n`, /install the version that wrote it, or a newer one/],
  ['older than any known', 'waystation 0\n', /with an older version/],
  ['no format', 'something\n', /is no waystation format/],
])('an upgrade of a directory whose format is %s is refused, and nothing is changed', async (_, text, message) => {
  await using folder = await temporaryDirectory();
  await writeFile(join(folder.path, 'FORMAT'), text);
  await expect(upgrade(folder.path, stateFormats)).rejects.toMatchObject({
    code: 'state_format_unknown',
    message: expect.stringMatching(message),
  });
  await refuses(folder.path, stateFormats, message);
  expect(await readFile(join(folder.path, 'FORMAT'), 'utf8')).toBe(text);
});

test('an upgrade finds nothing to do in an empty directory, and refuses blobs without a format', async () => {
  await using folder = await temporaryDirectory();
  expect(await upgrade(folder.path, nextFormats)).toEqual({ from: null, to: now + 1, steps: [] });
  expect(await readdir(folder.path)).toEqual([]);
  await mkdir(join(folder.path, 'blobs', 'open'), { recursive: true });
  await expect(upgrade(folder.path, nextFormats)).rejects.toMatchObject({ code: 'state_format_unknown' });
});

test('a start of a directory that is there syncs once, for the flag of the clean stop, and leaves FORMAT alone', async () => {
  await using folder = await temporaryDirectory();
  await kept(folder.path);
  const disk = new FaultyDisk();
  const store = await openedStore(folder.path, { disk });
  const changes = disk.calls.filter(({ call }) => /sync|rename|link$/.test(call) && call !== 'unlink');
  expect(changes.map(({ call, path }) => [call, basename(path)])).toEqual([
    ['rename', 'blobs.snapshot'],
    ['syncFolder', basename(folder.path)],
  ]);
  await store.close();
  expect((await readdir(folder.path)).filter((name) => name.startsWith('FORMAT'))).toEqual(['FORMAT']);
});
