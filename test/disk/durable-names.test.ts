import { expect, test } from 'vitest';
import { Descriptors } from '../../cache/blobs/descriptors.ts';
import { DurableNames } from '../../disk/durable-names.ts';
import { Seeded } from '../simulation/seeded.ts';
import { RecordedFiles } from '../support/recorded-files.ts';
import { RecordingDisk } from '../support/recording-disk.ts';
import { StandingClock } from '../support/standing-clock.ts';

function disk(): { files: RecordedFiles; disk: RecordingDisk; syncs: () => string[] } {
  const files = new RecordedFiles();
  for (const folder of ['/top', '/top/a', '/top/a/b']) files.makeFolder(folder);
  const syncs = (): string[] =>
    files.journal.flatMap((change) => (change.kind === 'sync folder' ? [change.folder.path] : []));
  return { files, disk: new RecordingDisk(files, { random: new Seeded(1) }), syncs };
}

test('names that an earlier process gave are synced once, with all folders on the way', async () => {
  const { disk: at, syncs } = disk();
  const names = new DurableNames(at, '/top');
  await names.settle('/top/a/b');
  await names.settle('/top/a/b');
  expect(syncs()).toEqual(['/top/a/b', '/top/a', '/top']);
});

test('a name that is given while a sync is under way waits for the next', async () => {
  const { disk: at, syncs } = disk();
  const names = new DurableNames(at, '/top/a');
  const settling = names.settle('/top/a');
  names.given('/top/a');
  await settling;
  await names.settle('/top/a');
  expect(syncs()).toEqual(['/top/a', '/top/a']);
});

test('a name that was taken from a folder whose given names are durable is settled by another sync', async () => {
  const { disk: at, syncs } = disk();
  const names = new DurableNames(at, '/top/a');
  names.given('/top/a');
  await names.settle('/top/a');
  names.taken('/top/a');
  // Nobody waits for it …
  await names.settle('/top/a');
  expect(syncs()).toEqual(['/top/a']);
  // … but a clean stop, once.
  await names.settleAll();
  await names.settleAll();
  expect(syncs()).toEqual(['/top/a', '/top/a']);
});

test('a held file that is replaced just when it is opened again is read all the same', async () => {
  const { files, disk: at } = disk();
  files.write(files.make('/top/file'), Buffer.from('bytes'), 0);
  const descriptors = new Descriptors({ max: 4, disk: at, clock: new StandingClock() });
  (await descriptors.lease('/top/file'))?.release();
  const leasing = descriptors.lease('/top/file');
  descriptors.forget('/top/file');
  const lease = await leasing;
  expect(await lease?.file.read(Buffer.alloc(5), 0, 5)).toBe(5);
  lease?.release();
  descriptors.close();
});
