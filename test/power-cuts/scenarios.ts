import { setImmediate } from 'node:timers/promises';
import { digestOf } from '../../base/digest.ts';
import type { GenerationDocument, RepositoryDocument } from '../../base/generation.ts';
import type { Supplier } from '../../base/transfer.ts';
import { generation, repositoryDocument } from '../cache/generation-documents.ts';
import { PlainLoader } from '../cache/fetching.ts';
import { mebibyte, readAll } from '../cache/pieces.ts';
import type { Seeded } from '../simulation/seeded.ts';
import { ScriptedLoader, scriptedTransfer } from '../support/scripted-loader.ts';
import type { KnownFile, KnownMap, KnownUnlisted, Machine, Running } from './machine.ts';

/** What one process does; run again by the next one, it does what is left of it. */
export type Work = (running: Running) => Promise<void>;

/** Something that the store is used for. `prepare` decides all files beforehand. */
export interface Scenario {
  readonly name: string;
  readonly prepare: (machine: Machine) => Work;
}

const patient = new AbortController().signal;

/** What brings files in. */
export const fills: readonly Scenario[] = [
  {
    name: 'files of many sizes and algorithms are filled at once',
    prepare: (machine) => {
      const files = [
        machine.file(0),
        machine.file(600),
        machine.file(5000, 'sha512'),
        machine.file(70_000, 'sha1', 'open-only-0123456789ab'),
        machine.file(mebibyte + 700),
        machine.file(mebibyte + 512, 'sha512'),
      ];
      return async ({ store }) => void (await Promise.all(files.map((file) => fill(machine, store, file))));
    },
  },
  {
    name: 'files of one folder are filled one after the other, by clients and by a sync',
    prepare: (machine) => {
      // Sha1 of little text: the first two digits are the same.
      const files = inOneFolder(machine, 4);
      return async ({ store }) => {
        for (const [index, file] of files.entries()) {
          const doing = fill(machine, store, file);
          const { known } = machine;
          const asked = known[machine.random.whole(0, known.length - 1)];
          if (asked !== undefined && (await store.sink.holds(asked.scope, asked.listed)))
            await machine.told({ kind: 'file', file: asked }, Promise.resolve());
          if (index % 2 === 0) await doing;
          else await Promise.all([doing, client(store, file)]);
        }
      };
    },
  },
  {
    name: 'a sync keeps bytes, the same ones twice at once',
    prepare: (machine) => {
      const files = [machine.file(900), machine.file(40_000), machine.file(0)];
      return async ({ store }) => {
        const keep = (file: KnownFile): Promise<void> =>
          machine.told({ kind: 'file', file }, store.sink.keep(file.scope, file.bytes));
        await Promise.all([...files, ...files].map(keep));
      };
    },
  },
  {
    name: 'a fill is cut and gone on with',
    prepare: (machine) => {
      const file = machine.file(mebibyte + 90_000);
      return async ({ store }) => {
        const { scope, listed, bytes } = file;
        const cut = new ScriptedLoader([{ bytes, cutAt: 700_000 }]);
        await store.sink.ensure(scope, listed, cut, patient).catch(() => {});
        await fill(machine, store, file);
      };
    },
  },
];

/** What publishes, and what is kept beside. */
export const publications: readonly Scenario[] = [
  {
    name: 'two subscriptions publish two generations each',
    prepare: (machine) => {
      const [corp, lab] = [subscription(machine, 'corp'), subscription(machine, 'lab')];
      return async (running) => void (await Promise.all([corp(running), lab(running)]));
    },
  },
  {
    name: 'a subscription goes back, pins, publishes meanwhile and is released',
    prepare: (machine) => (running) => goBack(machine, running),
  },
  {
    name: 'an unlisted file is replaced, and another one beside it',
    prepare: (machine) => {
      const bootable = unlistedFile(machine, 'images/boot.iso', [3000, 4000, 3500]);
      const listing = unlistedFile(machine, 'listing', [20, 30, 0]);
      return async (running) => {
        for (const version of [0, 1, 2]) {
          await Promise.all([bootable, listing].map((unlisted) => getUnlisted(machine, running, unlisted, version)));
          // Older than it may be served without asking.
          running.clock.advance(10 * 60_000);
          await setImmediate();
        }
      };
    },
  },
];

/** A repository of two generations, with records and a package map each. */
function subscription(machine: Machine, name: string): Work {
  const first = repository(machine, 0);
  const second = repository(machine, 1, first);
  return async (running) => {
    for (const [index, prepared] of [first, second].entries()) {
      const published = generation(index + 1, { [`${name}/base`]: prepared.document }, name);
      if (!(await publishRepository(machine, running, prepared, published))) return;
    }
  };
}

/** As a sync does: nothing is published that refers to something which is not there. @returns whether it was tried. */
export async function publishRepository(
  machine: Machine,
  running: Running,
  { document, files, map }: Prepared,
  published: GenerationDocument,
): Promise<boolean> {
  const { sink } = running.store;
  await Promise.all(files.map((file) => record(machine, running, file)));
  const repomd = files.find(({ listed }) => listed === document.repomd);
  if (repomd !== undefined) await machine.told({ kind: 'file', file: repomd }, sink.keep(document.scope, repomd.bytes));
  const written = (await machine.tried(sink.map(map.primary))) ?? (await writeMap(machine, running, map));
  const held = await Promise.all(files.map(async ({ scope, listed }) => sink.holds(scope, listed)));
  if (written === null || held.includes(false)) return false;
  await machine.published(published, () => running.store.publish(published));
  return true;
}

/** Ends what an earlier process left rolled back, and does all of it again. Goes no further where the disk refuses. */
async function goBack(machine: Machine, { store }: Running): Promise<void> {
  const { generations, publication } = store;
  const isBack = (): boolean => generations.rolledBackSince('corp') !== null;
  const release = async (): Promise<void> => {
    const newest = generations.newest('corp');
    if (newest !== null) await machine.published(newest, async () => void (await publication.release('corp')));
  };
  if (isBack()) await release();
  if (isBack()) return;
  const [first, second, third] = [generation(1, {}), generation(2, {}), generation(3, {})];
  for (const each of [first, second]) await machine.published(each, () => store.publish(each));
  if (generations.find(first.id) === null || generations.find(second.id) === null) return;
  await machine.tried(publication.setPinned(first.id, true));
  await machine.published(first, async () => void (await publication.rollback('corp', first.id)));
  if (!isBack()) return;
  await machine.tried(store.publish(third));
  await machine.tried(publication.setPinned(first.id, false));
  await release();
}

/** A repository that can be published. */
export interface Prepared {
  readonly document: RepositoryDocument;
  readonly files: readonly KnownFile[];
  readonly map: KnownMap;
}

/** @param listing its packages, and the scope that it and its records are held in. */
export function repository(
  machine: Machine,
  number: number,
  before: Prepared | null = null,
  { entries = packages(number), scope = 'open' }: { entries?: KnownMap['entries']; scope?: string } = {},
): Prepared {
  const repomd = machine.file(800, 'sha256', scope);
  const primary = machine.file(9000, 'sha256', scope);
  const other = machine.file(3000, 'sha512', scope);
  const shared = before?.files[2] ?? null;
  const map = { primary: primary.listed.digest, entries };
  machine.maps.push(map);
  const records = {
    'repodata/primary.xml.gz': primary.listed,
    'repodata/other.xml.gz': other.listed,
    ...(shared !== null && { 'repodata/comps.xml': shared.listed }),
  };
  const document = repositoryDocument({ scope, repomd: repomd.listed, records, map: map.primary });
  return { document, files: [repomd, primary, other, ...(shared === null ? [] : [shared])], map };
}

function packages(number: number): KnownMap['entries'] {
  return Array.from({ length: 120 }, (_, index) => ({
    href: `Packages/p${String(index).padStart(4, '0')}.rpm`,
    listed: { digest: `sha256:${String(number * 1000 + index).padStart(64, '0')}`, size: 1000 + index },
    name: 'p',
    epoch: '0',
    version: String(index),
    release: '1',
    arch: 'noarch',
  }));
}

/** As a sync does: what is held is not fetched. */
async function record(machine: Machine, { store }: Running, file: KnownFile): Promise<void> {
  if (await store.sink.holds(file.scope, file.listed)) await machine.told({ kind: 'file', file }, Promise.resolve());
  else await fill(machine, store, file);
}

async function writeMap(machine: Machine, { store }: Running, map: KnownMap): Promise<object | null> {
  let summary: object | null = null;
  const writing = store.sink.writeMap(map.primary, async (to) => {
    for (const entry of map.entries) to.add(entry);
  });
  await machine.told(
    { kind: 'map', map },
    writing.then((made) => (summary = made)),
  );
  return summary;
}

export async function fill(machine: Machine, store: Running['store'], file: KnownFile): Promise<void> {
  // A small file comes by a fetch of the disk, or by a transfer.
  const loader = new PlainLoader([], { again: { bytes: file.bytes } });
  await machine.told({ kind: 'file', file }, store.sink.ensure(file.scope, file.listed, loader, patient));
}

/** A client of a listed file: whatever the disk does, it is given the right bytes. */
export async function client(store: Running['store'], { scope, listed, bytes }: KnownFile): Promise<void> {
  const loader = (): ScriptedLoader => new ScriptedLoader([], { again: { bytes } });
  const { source } = await store.fills.open({ scope, listed, loader }, 0);
  const got = await readAll(source);
  if (got.error !== null || !got.bytes.equals(bytes)) throw new Error('a client was not given the right bytes');
}

/** Contents that were found for one folder before, by the digest of the first: thousands are tried for them. */
const oneFolder = new Map<string, readonly Buffer[]>();

/** Files whose names lie in one folder, so that their syncs meet. */
export function inOneFolder(machine: Machine, count: number): readonly KnownFile[] {
  const random = machine.random.fork();
  const first = random.bytes(300);
  const key = `${digestOf(first)} ${count}`;
  const contents = oneFolder.get(key) ?? [first, ...besides(first, count - 1, random)];
  oneFolder.set(key, contents);
  return contents.map((bytes) => machine.named(bytes, 'sha256', 'open'));
}

function besides(first: Buffer, count: number, random: Seeded): readonly Buffer[] {
  const folder = digestOf(first).slice(0, 9);
  const found: Buffer[] = [];
  while (found.length < count) {
    const bytes = random.bytes(300);
    if (digestOf(bytes).startsWith(folder)) found.push(bytes);
  }
  return found;
}

function unlistedFile(machine: Machine, file: string, sizes: readonly number[]): KnownUnlisted {
  const unlisted = { repository: 'corp/base', file, versions: sizes.map((size) => machine.random.bytes(size)) };
  machine.unlisted.push(unlisted);
  return unlisted;
}

/** A client of an unlisted file, and what is kept of it. */
function getUnlisted(machine: Machine, running: Running, unlisted: KnownUnlisted, version: number): Promise<void> {
  const { store, kept } = running;
  const bytes = unlisted.versions[version] ?? Buffer.alloc(0);
  const { repository: path, file } = unlisted;
  return machine.fetched(unlisted, version, async () => {
    const before = kept(unlisted);
    const opened = await store.unlisted.open({ repository: path, file, scope: 'open', supplier: supplierOf(bytes) });
    if (opened === null) throw new Error('the upstream has it');
    const got = await readAll(opened.source);
    if (got.error !== null) throw got.error;
    // What is kept is kept after the client has it: nothing in memory takes longer than this.
    for (let turn = 0; turn < 30 && kept(unlisted) === before; turn += 1) await setImmediate();
    return kept(unlisted) > before;
  });
}

function supplierOf(bytes: Buffer): Supplier {
  const none = (): never => {
    throw new Error('no listed file is asked for');
  };
  return {
    up: true,
    loader: none,
    slice: none,
    get: async (_href, _validators, signal) => ({ kind: 'found', transfer: scriptedTransfer({ bytes }, 0, signal) }),
  };
}
