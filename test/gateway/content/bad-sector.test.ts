import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { digestOf } from '../../../base/digest.ts';
import { silentLogger } from '../../../base/log.ts';
import { silentMeter } from '../../../base/metrics.ts';
import { systemDisk } from '../../../disk/disk.ts';
import type { Disk } from '../../../disk/disk.ts';
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
import { generation, repositoryDocument } from '../../cache/generation-documents.ts';
import { openedStore } from '../../cache/opened-store.ts';
import { download } from '../../support/http-download.ts';
import { ScriptedLoader } from '../../support/scripted-loader.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

/** The real disk, of which held files can be opened but not read while `bad` is set. */
class BadDisk {
  bad = false;
  readonly disk: Disk = {
    ...systemDisk,
    openRead: async (path) => {
      const opened = await systemDisk.openRead(path);
      const sector = Object.assign(new Error('bad sector'), { code: 'EIO' });
      return (
        opened && {
          ...opened,
          read: (...where) => (this.bad && path.includes('/blobs/') ? Promise.reject(sector) : opened.read(...where)),
        }
      );
    },
  };
}

test.each([
  ['small', 10_000],
  ['large', 3_000_000],
])('a held %s file that cannot be read is fetched in the same request', async (_, size) => {
  const folder = await temporaryDirectory();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const sick = new BadDisk();
  const store = await openedStore(folder.path, { disk: sick.disk });
  onTestFinished(() => store.close());
  const bytes = randomBytes(size);
  const listed = { digest: digestOf(bytes), size };
  const loader = (): ScriptedLoader => new ScriptedLoader([], { again: { bytes } });
  const ports: ContentPorts = {
    supplier: () => ({ loader, slice: loader, get: () => Promise.reject(new Error('not asked for')), up: true }),
    access: () => null,
    pending: () => null,
    stale: () => false,
    denied: () => false,
    draining: () => false,
  };
  // Nothing is remembered in memory.
  const hot = new HotLane(1);
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
  const server = createServer(contentListener({ exchanges, content, pages: () => {} })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  await store.sink.ensure('open', listed, loader(), new AbortController().signal);
  while (store.fills.active > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await store.publish(generation(1, { r: repositoryDocument({ records: { 'repodata/other.xml': listed } }) }));
  const get = (): ReturnType<typeof download> => download(base, '/content/r/repodata/other.xml');
  expect(await get()).toMatchObject({ status: 200, word: 'hit' });
  sick.bad = true;
  const answer = await get();
  expect([answer.status, answer.complete, answer.word, answer.body.equals(bytes)]).toEqual([200, true, 'miss', true]);
  sick.bad = false;
  while (store.fills.active > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await get()).toMatchObject({ status: 200, word: 'hit' });
});
