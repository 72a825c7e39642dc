import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { digestOf, hexOf } from '../../../base/digest.ts';
import { silentLogger } from '../../../base/log.ts';
import { silentMeter } from '../../../base/metrics.ts';
import { openHub } from '../../../cli/hub/hub-parts.ts';
import { openOrigins } from '../../../cli/hub/pull-through.ts';
import type { OpenObject } from '../../../hub/store/object-store.ts';
import { FaultyOrigin, flippedAt, Gate, stallAt, status } from '../../support/faulty-origin.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { hubDirectory } from '../../support/hub-directory.ts';
import type { HubDirectory } from '../../support/hub-directory.ts';
import { incompressibleText } from '../../support/incompressible-text.ts';
import { SimulatedPulp } from '../../support/pulp/simulated-pulp.ts';
import { treeinfoText } from '../../support/treeinfo-text.ts';

const href = 'p/big-1-1.noarch.rpm';
/** Larger than what is in memory on its way. */
const content = incompressibleText(3_000_000, 'pulled');
const digest = digestOf(content);
/** Commands are processes of their own, on a machine with much else to do. */
const patience = { timeout: 240_000 };
const never = new AbortController().signal;
const at = { snapshot: 'one', path: 'base', href };

type Opened = Awaited<ReturnType<typeof originsOf>>;

async function originsOf({ config }: HubDirectory): Promise<ReturnType<typeof openOrigins> & AsyncDisposable> {
  const hub = await openHub(config);
  const parts = { clock: systemClock, log: silentLogger, meter: silentMeter, credentialsDirectory: null };
  const origins = openOrigins({ config, hub, ...parts });
  return { ...origins, [Symbol.asyncDispose]: () => origins.close() };
}

/** A hub with a snapshot of one large package that only its origin has. */
async function started(origin: FaultyOrigin, source: object = {}): Promise<HubDirectory & { origins: Opened }> {
  const directory = await hubDirectory();
  putRepository(origin, 'base', { packages: { [href]: content, 'p/small-1-1.noarch.rpm': 'small' } });
  await directory.create('one', [{ type: 'yum', path: 'base', url: `${origin.url}base/`, ...source }], 'metadata-only');
  const origins = await originsOf(directory);
  return {
    ...directory,
    origins,
    [Symbol.asyncDispose]: async () => {
      await origins.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function opened(origins: Opened, wanted: Partial<typeof at> = {}, of = digest): Promise<OpenObject> {
  const object = await origins.open({ digest: of, listed: { ...at, ...wanted } }, never);
  if (object === null) throw new Error('the hub does not have it');
  return object;
}

/** Reads to the end, or to where it breaks off. */
async function read(object: OpenObject): Promise<{ readonly bytes: Buffer; readonly error: unknown }> {
  const bytes = Buffer.alloc(object.size);
  let there = 0;
  try {
    while (there < object.size)
      there += await object.read(bytes.subarray(there), there, Math.min(100_000, object.size - there));
    return { bytes, error: null };
  } catch (error) {
    return { bytes: bytes.subarray(0, there), error };
  } finally {
    object.release();
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  await expect.poll(holds, { timeout: 90_000 }).toBe(true);
}

test(
  'a package of a metadata-only snapshot comes from its origin once, for all who ask, and is kept',
  patience,
  async () => {
    await using origin = await FaultyOrigin.start();
    await using hub = await started(origin);
    const shown = async (): Promise<object> =>
      JSON.parse((await hub.hub('snapshot', 'show', 'one', '--json')).stdout).onlyAtOrigin;
    expect(await shown()).toEqual({ files: 2, bytes: content.length + 5 });
    expect((await hub.hub('snapshot', 'show', 'one')).stdout).toMatch(/2 files \(.*\) only at their origins/);

    const gate = new Gate();
    const rule = origin.on(`/base/${href}`, stallAt(500_000, gate));
    const first = await opened(hub.origins);
    const others = await Promise.all([opened(hub.origins), opened(hub.origins)]);
    // What has come flows before the rest is there.
    const start = Buffer.alloc(1_000);
    expect(await first.read(start, 0, 1_000)).toBe(1_000);
    expect(start.toString()).toBe(content.slice(0, 1_000));
    gate.open();
    for (const object of [first, ...others]) expect((await read(object)).bytes.toString()).toBe(content);
    expect(origin.count(`/base/${href}`)).toBe(1);

    await until(async () => (await hub.blobs()).some((blob) => blob.endsWith(digest.slice('sha256:'.length))));
    rule.remove();
    await origin.stop();
    expect((await read(await opened(hub.origins))).bytes.toString()).toBe(content);
    expect(await shown()).toEqual({ files: 1, bytes: 5 });
  },
);

test(
  'nobody gets the last bytes of a file that its origin has changed, and nothing of it is kept',
  patience,
  async () => {
    await using origin = await FaultyOrigin.start();
    await using hub = await started(origin);
    const before = await hub.blobs();
    const lie = origin.on(`/base/${href}`, flippedAt(700_000));
    const { bytes, error } = await read(await opened(hub.origins));
    expect(bytes.length).toBeLessThan(content.length);
    expect(error).toMatchObject({ code: 'upstream_lied' });
    expect(await hub.blobs()).toEqual(before);
    lie.remove();
    await until(async () => (await read(await opened(hub.origins))).error === null);
  },
);

test('small files need no disk of the hub on their way, and are proven all the same', patience, async () => {
  await using origin = await FaultyOrigin.start();
  await using hub = await started(origin);
  // Where large ones would lie: a disk that takes nothing.
  await mkdir(join(hub.path, 'state'), { recursive: true });
  await writeFile(join(hub.path, 'state/pulls'), '');
  await expect(opened(hub.origins)).rejects.toMatchObject({ source: 'disk' });
  const small = { href: 'p/small-1-1.noarch.rpm' };
  const lie = origin.on('/base/p/small-1-1.noarch.rpm', flippedAt(2));
  await expect(opened(hub.origins, small, digestOf('small'))).rejects.toMatchObject({ code: 'upstream_lied' });
  lie.remove();
  await until(
    async () => (await opened(hub.origins, small, digestOf('small')).then(read)).bytes.toString() === 'small',
  );
});

test('what an origin does not give now is an error, and what nobody lists is not asked for', patience, async () => {
  await using origin = await FaultyOrigin.start();
  await using hub = await started(origin);
  const asked = origin.requests.length;
  for (const wrong of [
    { snapshot: 'two' },
    { snapshot: '../one' },
    { path: 'nosuch' },
    { path: '__proto__' },
    { href: 'p/x' },
  ])
    expect(await hub.origins.open({ digest, listed: { ...at, ...wrong } }, never)).toBeNull();
  expect(await hub.origins.open({ digest, listed: null }, never)).toBeNull();
  expect(await hub.origins.open({ digest: digestOf('another'), listed: at }, never)).toBeNull();
  expect(origin.requests.length).toBe(asked);

  const rule = origin.on(`/base/${href}`, status(404));
  await expect(opened(hub.origins)).rejects.toMatchObject({ code: 'upstream_missing' });
  rule.remove();
  const gate = new Gate();
  origin.on(`/base/${href}`, stallAt(10, gate));
  const leaving = new AbortController();
  const waiting = hub.origins.open({ digest, listed: at }, leaving.signal);
  await origin.requested(`/base/${href}`, 2);
  leaving.abort(new Error('left'));
  await expect(waiting).rejects.toThrow('left');
  // Who left does not end it for those who come.
  gate.open();
  expect((await read(await opened(hub.origins))).bytes.toString()).toBe(content);
});

test(
  'the credentials of an origin are read from their file when they are used, and are not in the store',
  patience,
  async () => {
    await using origin = await FaultyOrigin.start({ basic: { username: 'hub', password: 'renewed' } });
    await using directory = await hubDirectory();
    putRepository(origin, 'base', { packages: { [href]: content } });
    await writeFile(join(directory.path, 'password'), 'renewed\n');
    const access = { username: 'hub', passwordFile: 'password' };
    const source = { type: 'yum', path: 'base', url: `${origin.url}base/`, ...access };
    await directory.create('one', [source], 'metadata-only');
    await writeFile(join(directory.path, 'password'), 'wrong\n');
    await using origins = await originsOf(directory);
    await expect(opened(origins)).rejects.toMatchObject({ code: 'upstream_unauthorized' });
    await writeFile(join(directory.path, 'password'), 'renewed\n');
    await until(async () => (await opened(origins).then(read, () => ({ error: true }))).error === null);
    const folder = join(directory.path, 'store/private/origins/one');
    const [name = ''] = await readdir(folder);
    const [, payload = ''] = (await readFile(join(folder, name), 'utf8')).split('.');
    const remembered = Buffer.from(payload, 'base64url').toString();
    expect(remembered).toContain('"passwordFile":"password"');
    expect(remembered).not.toContain('renewed');

    // A secret in the file itself cannot be remembered.
    const spoken = [{ ...source, headers: { 'X-Token': 'spoken' } }];
    const refused = await directory.hub(
      'snapshot',
      'create',
      'two',
      '--from',
      await directory.sources(spoken, 'metadata-only'),
    );
    expect([refused.code, refused.stderr]).toEqual([78, expect.stringMatching(/X-Token: must be \{ file: NAME \}/)]);
  },
);

test('a composed snapshot has its files where its sources have them, also those of a tree', patience, async () => {
  await using origin = await FaultyOrigin.start();
  await using directory = await hubDirectory();
  putRepository(origin, 'os', { packages: { [href]: content } });
  origin.put('/os/images/install.img', 'stage two');
  origin.put('/os/.treeinfo', treeinfoText({ files: { 'images/install.img': 'stage two' }, variants: [] }));
  await directory.create('one', [{ type: 'yum', path: 'os', url: `${origin.url}os/` }], 'metadata-only');
  await directory.create('two', [{ snapshot: 'one', path: 'below' }], 'metadata-only');
  await using origins = await originsOf(directory);
  const there = { snapshot: 'two', path: 'below/os' };
  expect((await read(await opened(origins, there))).bytes.toString()).toBe(content);
  const image = await opened(origins, { ...there, href: 'images/install.img' }, digestOf('stage two'));
  expect((await read(image)).bytes.toString()).toBe('stage two');
});

test('the origin can be a Pulp hub, asked for its list by what is remembered', patience, async () => {
  await using pulp = await SimulatedPulp.start();
  await using directory = await hubDirectory();
  const text = 'the tools';
  const manifest = `tools.tar,${hexOf(digestOf(text))},${text.length}\n`;
  pulp.fileDistributions = [{ prn: 'prn:boot', name: 'boot', base_path: 'edge/boot', publication: '/1/' }];
  pulp.files.set('edge/boot/PULP_MANIFEST', manifest);
  pulp.files.set('edge/boot/tools.tar', text);
  await writeFile(join(directory.path, 'password'), pulp.password);
  const source = { type: 'pulp', url: pulp.origin, path: 'site', username: 'pop', passwordFile: 'password' };
  await directory.create('one', [source], 'metadata-only');
  await using origins = await originsOf(directory);
  const listed = { snapshot: 'one', path: 'site/edge/boot', href: 'tools.tar' };
  expect((await read(await opened(origins, listed, digestOf(text)))).bytes.toString()).toBe(text);
  expect((await directory.hub('snapshot', 'show', 'one')).stdout).toMatch(/all here/);
});
