import { rm } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import { Layout } from '../../cache/disk/layout.ts';
import type { Store } from '../../cache/store.ts';
import type { UpkeepRules } from '../../cache/upkeep/rules.ts';
import { mapRemaker } from '../../cli/remake-map.ts';
import { newestName } from '../../mirror/newest-packages.ts';
import { generation, repositoryDocument } from '../cache/generation-documents.ts';
import { openedStore } from '../cache/opened-store.ts';
import { handMadeRepository, nevraOfFile } from '../support/hand-made-repository.ts';
import { LogLines } from '../support/log-lines.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const patient = new AbortController().signal;
const packages = {
  'app-1-1.noarch.rpm': 'old',
  'app-2-1.noarch.rpm': 'middle',
  'app-3-1.noarch.rpm': 'new',
  'lib-1-1.noarch.rpm': 'only',
};

/** A state directory that a process left without a clean stop, with a generation whose packages are all held. */
async function left(root: string): Promise<RepositoryDocument> {
  const store = await openedStore(root);
  const made = handMadeRepository({ packages, nevra: nevraOfFile });
  const ensure = async (bytes: Buffer) => {
    const listed = { digest: digestOf(bytes), size: bytes.length };
    await store.sink.ensure('open', listed, new ScriptedLoader([{ bytes }]), patient);
    return listed;
  };
  const records: Record<string, { digest: `sha256:${string}`; size: number }> = {};
  for (const { href, bytes } of made.records) records[href] = (await ensure(bytes)) as (typeof records)[string];
  for (const content of Object.values(packages)) await ensure(Buffer.from(content));
  const repomd = await store.sink.keep('open', made.repomd);
  const document = repositoryDocument({ repomd, records, map: digestOf(made.records[0]?.bytes ?? '') });
  await store.publish(generation(1, { 'site/base': document }));
  await store.close();
  await rm(new Layout(root).snapshot);
  return document;
}

/** The service as it starts with the policy `newest:2`. */
async function started(root: string, log = new LogLines()): Promise<Store> {
  const rules: UpkeepRules = {
    keeps: () => [],
    holds: (_, __, document) => ({ versions: 2, map: newestName(document, 2) }),
    clock: { confirmed: false },
  };
  const store = await openedStore(root, { rules, log, remakeMap: mapRemaker(log) });
  store.upkeep.begin();
  return store;
}

async function heldBack(store: Store): Promise<string[]> {
  while (!store.marks.protectionKnown) await setImmediate();
  return Object.entries(packages)
    .filter(([, content]) => store.marks.isHeldBack('open', digestOf(content)))
    .map(([href]) => href);
}

const newest = ['app-2-1.noarch.rpm', 'app-3-1.noarch.rpm', 'lib-1-1.noarch.rpm'];

test('after an unclean stop the newest are known from the held metadata before anything may be evicted', async () => {
  await using folder = await temporaryDirectory();
  await left(folder.path);
  const store = await started(folder.path);
  await using _ = { [Symbol.asyncDispose]: () => store.close() };
  expect(await heldBack(store)).toEqual(newest);
});

test('their map outlives a restart, and is made again when it is lost', async () => {
  await using folder = await temporaryDirectory();
  const document = await left(folder.path);
  const logs = [new LogLines(), new LogLines(), new LogLines()];
  for (const [start, log] of logs.entries()) {
    if (start === 2) await rm(new Layout(folder.path).map(newestName(document, 2)));
    const store = await started(folder.path, log);
    expect(await heldBack(store)).toEqual(newest);
    await store.close();
    await rm(new Layout(folder.path).snapshot);
  }
  expect(logs.map((log) => log.about(/map of the newest packages is made/).length)).toEqual([1, 0, 1]);
});
