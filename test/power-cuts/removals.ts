import { setImmediate } from 'node:timers/promises';
import type { UpkeepRules } from '../../cache/upkeep/rules.ts';
import { generation } from '../cache/generation-documents.ts';
import { rest } from './invariants.ts';
import type { KnownFile, Machine, Running } from './machine.ts';
import { client, publishRepository, repository } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';

/** Minutes until a round of upkeep has retired and collected, and some. */
const round = 8;
/** Only the newest generation is kept. */
const keepOne: UpkeepRules = {
  keeps: () => [{ subscription: 'corp', generations: 1, grace: 0 }],
  holds: () => 'none',
  clock: { confirmed: true },
};

export const eviction: Scenario = {
  name: 'room is made for what clients ask for by files of one name and of several',
  prepare: (machine) => {
    machine.settings = { limits: { max: () => 16_000, keepFree: () => 0 } };
    const shared = machine.random.bytes(3000);
    const files = [
      machine.file(4000),
      machine.named(shared, 'sha512', 'corp'),
      machine.named(shared, 'sha512', 'open'),
      machine.file(5000, 'sha512'),
      machine.file(4500),
      machine.file(3500, 'sha512', 'corp'),
      machine.file(4000),
    ];
    for (const file of files) machine.mayGo.add(file);
    return async (running) => {
      running.store.upkeep.begin();
      await turns(() => running.store.marks.protectionKnown);
      for (const file of files) await asked(machine, running, file);
    };
  },
};

export const collecting: Scenario = {
  name: 'generations are retired, and what only they referred to is collected',
  prepare: (machine) => {
    machine.settings = { rules: keepOne };
    const first = repository(machine, 0);
    const second = repository(machine, 1, first);
    const prepared = [first, second, repository(machine, 2, second)];
    const [, , last] = prepared;
    const documents = prepared.map(({ document }, index) => generation(index + 1, { 'corp/base': document }));
    for (const { files, map } of prepared.slice(0, 2)) {
      for (const file of files) if (last?.files.includes(file) === false) machine.mayGo.add(file);
      machine.mayGo.add(map);
    }
    for (const { id } of documents.slice(0, 2)) machine.mayRetire.add(id);
    return async (running) => {
      for (const [index, each] of prepared.entries()) {
        const document = documents[index];
        if (document === undefined || !(await publishRepository(machine, running, each, document))) return;
        // What was not published is referred to by nothing, and would be collected.
        if (running.store.current('corp')?.id !== document.id) return;
      }
      running.store.upkeep.begin();
      await running.clock.step(round * 60_000);
      await turns(() => false);
    };
  },
};

/** A client asks for a file; when it is held, that is told. */
async function asked(machine: Machine, running: Running, file: KnownFile): Promise<void> {
  const { store } = running;
  await client(store, file);
  await rest(running);
  if (await store.blobs.holds(file.scope, file.listed)) await machine.told({ kind: 'file', file }, Promise.resolve());
}

/** Lets happen what can, until it has. */
async function turns(until: () => boolean): Promise<void> {
  for (let turn = 0; turn < 60 && !until(); turn += 1) await setImmediate();
}
