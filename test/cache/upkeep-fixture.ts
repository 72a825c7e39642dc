import { writeFile } from 'node:fs/promises';
import { systemClock } from '../../base/clock.ts';
import { digestOf } from '../../base/digest.ts';
import type { Algorithm, Listed } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import { possessionScope } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import { silentLogger } from '../../base/log.ts';
import type { Meter } from '../../base/metrics.ts';
import { silentMeter } from '../../base/metrics.ts';
import type { Supplier } from '../../base/transfer.ts';
import { systemDisk } from '../../disk/disk.ts';
import type { Disk } from '../../disk/disk.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { Store } from '../../cache/store.ts';
import { Repair } from '../../cache/upkeep/repair.ts';
import type { BlobName } from '../../cache/upkeep/blob-walk.ts';
import { ScriptedLoader, scriptedTransfer } from '../support/scripted-loader.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { generation } from './generation-documents.ts';
import { flipped, roomy } from './pieces.ts';

const patient = new AbortController().signal;

/** A repository of an upstream in memory: what its files are there, by href. Absent: it is gone. */
export type Upstreams = Map<string, Map<string, Buffer>>;

export interface Line {
  readonly level: 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export interface UpkeepFixture extends AsyncDisposable {
  readonly root: string;
  readonly layout: Layout;
  readonly store: Store;
  readonly repair: Repair;
  readonly upstreams: Upstreams;
  /** Repositories that were asked as somebody who had lied. */
  readonly liars: string[];
  readonly lines: Line[];
  /** `waystation_verification_failures_total`. */
  failures(): number;
  /** Ends the store and opens it again. */
  reopen(): Promise<void>;
}

/** The real store on a real folder, with upstreams in memory that repairs are made from. */
export async function upkeepFixture(options: { disk?: Disk } = {}): Promise<UpkeepFixture> {
  const { disk = systemDisk } = options;
  const folder = await temporaryDirectory();
  const upstreams: Upstreams = new Map();
  const liars: string[] = [];
  const lines: Line[] = [];
  let failures = 0;
  const log = writingDown(lines);
  const meter: Meter = {
    ...silentMeter,
    counter: (name) => ({ inc: () => void (failures += name === 'verification_failures_total' ? 1 : 0) }),
  };
  const lock = async (): Promise<{ release(): void }> => ({ release: () => {} });
  const open = async (): Promise<Store> => {
    const store = await Store.open({ root: folder.path, limits: roomy, clock: systemClock, log, meter, disk, lock });
    await store.recovered;
    return store;
  };
  const repairOf = ({ references, sink }: Store): Repair =>
    new Repair({ references, sink, log, supplierOf: (repository) => supplier(upstreams, liars, repository) });
  let store = await open();
  let repair = repairOf(store);
  return {
    root: folder.path,
    layout: new Layout(folder.path),
    upstreams,
    liars,
    lines,
    failures: () => failures,
    get store() {
      return store;
    },
    get repair() {
      return repair;
    },
    reopen: async () => {
      await store.close();
      store = await open();
      repair = repairOf(store);
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function supplier(upstreams: Upstreams, liars: string[], repository: string): Supplier | null {
  const files = upstreams.get(repository);
  if (files === undefined) return null;
  const sent = (href: string): Buffer => {
    const bytes = files.get(href);
    if (bytes === undefined) throw new WaystationError('upstream_missing', `${href} is not there`);
    return bytes;
  };
  return {
    up: true,
    loader: (href) => {
      let lied = false;
      return {
        open: async (offset, signal) => {
          if (lied) throw new WaystationError('upstream_lied', `${href} is another`);
          return scriptedTransfer({ bytes: sent(href) }, offset, signal);
        },
        lied: () => {
          lied = true;
          liars.push(repository);
        },
      };
    },
    slice: () => {
      throw new Error('no repair asks for a slice');
    },
    get: async (href, _, signal) => ({
      kind: 'found',
      transfer: scriptedTransfer({ bytes: sent(href) }, 0, signal),
    }),
  };
}

/** What `publish` made: href → blob. */
export type Published = ReadonlyMap<string, BlobName>;

export interface Recipe {
  readonly path?: string;
  readonly subscription?: string;
  /** The how manieth generation; each repository is one of its own. */
  readonly number?: number;
  readonly packages: Readonly<Record<string, Buffer>>;
  readonly algorithm?: Algorithm;
  readonly scope?: string;
  /** Packages that are listed and not held. */
  readonly cold?: readonly string[];
}

/** Publishes a generation of one repository, all of it held, and puts it upstream. */
export async function publish({ store, upstreams }: UpkeepFixture, recipe: Recipe): Promise<Published> {
  const {
    path = 'site/base',
    subscription = 'corp',
    number = 1,
    packages,
    algorithm = 'sha256',
    scope = 'open',
  } = recipe;
  const files = new Map<string, Buffer>(Object.entries(packages));
  const pinned = new Map<string, Buffer>([
    ['repodata/repomd.xml', Buffer.from(`repomd of ${path} ${number} ${Object.keys(packages).join()}`)],
    [`repodata/${number}-primary.xml.gz`, Buffer.from(`primary of ${path} ${number} ${Object.keys(packages).join()}`)],
  ]);
  const listedAs = (bytes: Buffer, by: Algorithm): Listed => ({ digest: digestOf(bytes, by), size: bytes.length });
  const published = new Map<string, BlobName>();
  for (const [href, bytes] of [...files, ...pinned]) {
    const listed = listedAs(bytes, files.has(href) ? algorithm : 'sha256');
    const blob = { scope: possessionScope(scope, path, listed), listed };
    published.set(href, blob);
    if (recipe.cold?.includes(href) === true) continue;
    await store.sink.ensure(blob.scope, listed, new ScriptedLoader([{ bytes }]), patient);
  }
  const [repomd, primary] = [...pinned.values()].map((bytes) => listedAs(bytes, 'sha256'));
  if (repomd === undefined || primary === undefined) throw new Error('both were made above');
  await store.sink.writeMap(primary.digest, async (map) => {
    for (const [href, bytes] of files) {
      const listed = listedAs(bytes, algorithm);
      map.add({ href, listed });
    }
  });
  const records = { [`repodata/${number}-primary.xml.gz`]: primary };
  const document: RepositoryDocument = {
    scope,
    guard: null,
    repomd,
    asc: null,
    key: null,
    treeinfo: null,
    records,
    map: primary.digest,
  };
  const before = store.current(subscription)?.repositories ?? {};
  await store.publish(generation(number, { ...before, [path]: document }, subscription));
  upstreams.set(path, new Map([...files, ...pinned]));
  await quiet(store);
  return published;
}

/** A fill is remembered for a moment after its end: what is taken away then is not missed by the next. */
export async function quiet({ fills }: Store): Promise<void> {
  while (fills.active > 0) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Changes a bit of a held file behind everybody's back: its length and times stay. */
export async function rot({ layout }: UpkeepFixture, { scope, listed }: BlobName): Promise<void> {
  const path = layout.blob(scope, listed);
  const bytes = await systemDisk.readFile(path);
  if (bytes === null) throw new Error(`${path} is not held`);
  await writeFile(path, flipped(bytes, bytes.length >> 1));
  await systemDisk.stamp(path);
}

/** The bytes of a held file, null when it is not held. */
export async function bytesOf({ layout }: UpkeepFixture, { scope, listed }: BlobName): Promise<Buffer | null> {
  return systemDisk.readFile(layout.blob(scope, listed));
}

function writingDown(lines: Line[]): Logger {
  const at = (level: Line['level']) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message });
  return { ...silentLogger, warn: at('warn'), error: at('error') };
}
