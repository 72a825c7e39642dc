import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import type { Listed } from '../../../base/digest.ts';
import type { GenerationDocument } from '../../../base/generation.ts';
import { silentLogger } from '../../../base/log.ts';
import { silentMeter } from '../../../base/metrics.ts';
import { systemDisk, type Disk } from '../../../disk/disk.ts';
import { Store } from '../../../cache/store.ts';
import { Gate } from '../../support/faulty-origin-gate.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { servedContent } from './served-content.ts';

/** The real disk, on which the next file to be opened for reading can be made to wait. */
class WaitingDisk {
  next: Gate | null = null;
  readonly disk: Disk = {
    ...systemDisk,
    openRead: async (path) => {
      const gate = this.next;
      this.next = null;
      if (gate !== null) await new Promise<void>((pass) => void gate.come(pass));
      return systemDisk.openRead(path);
    },
  };
}

function generation(number: number, repomd: Listed): GenerationDocument {
  const repository = {
    scope: 'open',
    guard: null,
    repomd,
    asc: null,
    key: null,
    treeinfo: null,
    records: {},
    map: null,
  };
  const created = `2026-01-01T00:00:0${number}Z`;
  const id = `20260101T00000${number}Z-0000000${number}`;
  return { format: 1, id, subscription: 's', created, hubVersion: null, repositories: { r: repository } };
}

test('an answer that was being read when the generation flipped is not given to those who ask after the flip', async () => {
  const folder = await temporaryDirectory();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const waiting = new WaitingDisk();
  const limits = { max: () => 1e9, keepFree: () => 0 };
  const shared = { clock: systemClock, log: silentLogger, meter: silentMeter };
  const lock = (): Promise<{ release(): void }> => Promise.resolve({ release: () => {} });
  const store = await Store.open({ root: folder.path, limits, ...shared, disk: waiting.disk, lock });
  onTestFinished(() => store.close());

  const url = `${await servedContent(store, 1e6)}/content/r/repodata/repomd.xml`;
  const get = async (): Promise<string> => await (await fetch(url)).text();

  await store.publish(generation(1, await store.sink.keep('open', Buffer.from('old'))));
  const next = generation(2, await store.sink.keep('open', Buffer.from('new')));
  const gate = new Gate();
  waiting.next = gate;
  const early = get();
  await gate.reached;
  await store.publish(next);
  gate.open();
  expect(await early).toBe('old');
  expect(await get()).toBe('new');
  expect(await get()).toBe('new');
});
