import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import type { Listed } from '../../../base/digest.ts';
import type { GenerationDocument } from '../../../base/generation.ts';
import { silentLogger } from '../../../base/log.ts';
import { silentMeter } from '../../../base/metrics.ts';
import { systemDisk, type Disk } from '../../../disk/disk.ts';
import { Store } from '../../../cache/store.ts';
import { Content } from '../../../gateway/content/content.ts';
import { Exchanges } from '../../../gateway/content/exchange.ts';
import { Folders } from '../../../gateway/content/folders.ts';
import { HotLane } from '../../../gateway/content/hot-lane.ts';
import { ListedFiles } from '../../../gateway/content/listed.ts';
import type { ContentPorts } from '../../../gateway/content/ports.ts';
import { Targets } from '../../../gateway/content/target.ts';
import { TreeFiles } from '../../../gateway/content/tree-files.ts';
import { UnlistedFiles } from '../../../gateway/content/unlisted.ts';
import { contentListener } from '../../../gateway/gateway.ts';
import { Gate } from '../../support/faulty-origin-gate.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

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

const ports: ContentPorts = {
  supplier: () => null,
  access: () => null,
  pending: () => null,
  stale: () => false,
  denied: () => false,
  draining: () => false,
};

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

  const hot = new HotLane(1e6);
  const exchanges = new Exchanges({ clock: systemClock, meter: silentMeter, log: () => {} });
  const listedFiles = new ListedFiles({ store, ports, hot, exchanges });
  const unlisted = new UnlistedFiles({ store, ports, exchanges });
  const content = new Content({
    store,
    ports,
    targets: new Targets({ served: store.served, generations: store.generations, aliases: [] }),
    hot,
    listed: listedFiles,
    trees: new TreeFiles({ store, ports, clock: systemClock, listed: listedFiles, unlisted }),
    unlisted,
    folders: new Folders(store.served),
    repoFile: () => null,
    exchanges,
    log: silentLogger,
  });
  const pages = (): void => {};
  const server = createServer(contentListener({ exchanges, content, pages })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/content/r/repodata/repomd.xml`;
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
