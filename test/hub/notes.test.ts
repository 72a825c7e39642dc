import { expect, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { storeLock } from '../../cli/hub/store-lock.ts';
import { systemDisk } from '../../disk/disk.ts';
import { Notes } from '../../hub/snapshots/notes.ts';
import { DirectoryStore } from '../../hub/store/directory-store.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test('notes that are made at the same time are all kept', async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  const notes = async (): Promise<Notes> => {
    const lock = await storeLock(root, systemClock);
    return new Notes({
      store: new DirectoryStore({ root, disk: systemDisk, clock: systemClock, lock }),
      clock: systemClock,
    });
  };
  const people = [await notes(), await notes(), await notes()];
  const said = Array.from({ length: 12 }, (_, index) => `${index}`);
  const saying = people.flatMap((one, person) =>
    said
      .filter((_, index) => index % 3 === person)
      .map((text) => one.add('one', { nevra: 'a-1-1', text, by: 'alice' })),
  );
  await Promise.all(saying);
  const kept = (await (await notes()).of('one')).map(({ text }) => text);
  expect(kept.toSorted((one, other) => Number(one) - Number(other))).toEqual(said);
  expect(await (await notes()).of('two')).toEqual([]);
});
