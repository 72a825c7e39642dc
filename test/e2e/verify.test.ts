import { chown, chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunStatus } from '../../base/status.ts';
import { lockState } from '../../cli/state-lock.ts';
import { systemDisk } from '../../disk/disk.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';
import { describeWith, root } from '../support/tools.ts';

const packages = { 'Packages/a.rpm': 'a package', 'Packages/b.rpm': 'another package', 'cold.rpm': 'never asked for' };
const path = '/content/tools/Packages/a.rpm';

/** The real PoP with one repository of which two packages are held, its origin, and the blob of the first package. */
interface Lab extends AsyncDisposable {
  readonly origin: FaultyOrigin;
  readonly pop: Pop;
  readonly blob: string;
}

async function lab(): Promise<Lab> {
  const origin = await FaultyOrigin.start();
  putRepository(origin, 'r', { packages, types: ['primary'] });
  const pop = await Pop.start({ repositories: [{ path: 'tools', url: `${origin.url}r/` }] });
  await pop.published();
  for (const name of ['a', 'b']) {
    await download(pop.content, `/content/tools/Packages/${name}.rpm`);
    await pop.held(`/content/tools/Packages/${name}.rpm`);
  }
  const hex = createHash('sha256').update(packages['Packages/a.rpm']).digest('hex');
  const size = Buffer.byteLength(packages['Packages/a.rpm']);
  return {
    origin,
    pop,
    blob: join(pop.state, 'blobs/open/sha256', hex.slice(0, 2), `${hex}.${size}`),
    async [Symbol.asyncDispose]() {
      await pop[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

/** Other bytes of the same length, and the times of a file that nobody touched. */
async function rot(blob: string): Promise<void> {
  await writeFile(blob, 'A PACKAGE');
  await systemDisk.stamp(blob);
}

describe('waystation verify', () => {
  let here: Lab;
  beforeEach(async () => {
    here = await lab();
  });
  afterEach(async () => {
    await here[Symbol.asyncDispose]();
  });

  test('says that all is right, of everything and of each way to name a part', async () => {
    for (const words of [
      [],
      ['vendor'],
      ['tools'],
      ['/content/tools/'],
      ['tools/Packages'],
      ['tools/Packages/a.rpm'],
    ]) {
      const { code, stdout, stderr } = await here.pop.run('verify', ...words);
      expect([words, code, stderr]).toEqual([words, 0, '']);
      expect(stdout).toMatch(/\d files?, [\d.]+ [KMG]?i?B read: all right\n$/);
    }
  });

  test('has the running service find and replace a file that rotted on disk', async () => {
    const { pop, blob } = here;
    await rot(blob);
    const { code, stdout, stderr } = await pop.run('verify', 'vendor');
    expect(stderr).toContain('healed: tools/Packages/a.rpm: blob_damaged');
    expect(stdout).toContain('1 damaged or lost, of which 1 healed');
    expect(code).toBe(0);
    expect((await download(pop.content, path)).body.toString()).toBe(packages['Packages/a.rpm']);
    const [run] = (await pop.runs()).filter(({ kind }) => kind === 'verify');
    expect(run).toMatchObject({
      subscription: 'vendor',
      state: 'done',
      failures: [{ path: 'tools/Packages/a.rpm', code: 'blob_damaged', attempts: 1, nextTry: null, healed: true }],
    });
    expect(run?.phases).toContainEqual(expect.objectContaining({ name: 'held files', done: 4, total: 4 }));
    expect((await pop.metrics()).get('verification_failures_total')).toBe(1);
    expect(await readdir(join(pop.state, 'damaged'))).toHaveLength(1);
    // Known after a restart too.
    await pop.stop();
    await pop.launch();
    expect((await pop.runs()).map(({ id }) => id)).toContain(run?.id);
  });

  test('fails when no source can give the file now, which the next request has fetched', async () => {
    const { origin, pop, blob } = here;
    await rot(blob);
    origin.remove('r/Packages/a.rpm');
    const { code, stdout } = await pop.run('verify', '--json', 'tools');
    expect(code).toBe(1);
    const run = JSON.parse(stdout) as RunStatus;
    expect(run).toMatchObject({ kind: 'verify', state: 'failed', failures: [{ path: 'tools/Packages/a.rpm' }] });
    origin.put('r/Packages/a.rpm', packages['Packages/a.rpm']);
    expect((await download(pop.content, path)).body.toString()).toBe(packages['Packages/a.rpm']);
    await pop.held(path);
    expect((await pop.run('verify', 'tools')).code).toBe(0);
  });

  test('works without the service: finds it, moves it aside, and says that it could not be fetched', async () => {
    const { pop, blob } = here;
    await rot(blob);
    await pop.stop();
    const { code, stdout, stderr } = await pop.run('verify');
    expect([code, stdout]).toEqual([1, expect.stringContaining('1 damaged or lost, of which 0 healed')]);
    expect(stderr).toContain('not healed: tools/Packages/a.rpm: blob_damaged');
    expect(await systemDisk.facts(blob)).toBeNull();
    // What is there now is right, and a start serves it and fetches the rest.
    expect((await pop.run('verify', 'vendor')).code).toBe(0);
    await pop.launch();
    expect((await download(pop.content, path)).body.toString()).toBe(packages['Packages/a.rpm']);
    expect((await pop.runs()).filter(({ kind }) => kind === 'verify')).toHaveLength(2);
  });

  test('waits for nobody who has the directory: 75, and nothing is touched', async () => {
    const { pop } = here;
    await pop.stop();
    const lock = await lockState(pop.state);
    const { code, stderr } = await pop.run('verify');
    lock.release();
    expect([code, stderr]).toEqual([75, expect.stringContaining(pop.state)]);
  });

  test('of what is not there is a clear error, with and without the service', async () => {
    const { pop } = here;
    for (const running of [true, false]) {
      if (!running) await pop.stop();
      const unknown = await pop.run('verify', 'vendr');
      expect([unknown.code, unknown.stdout]).toEqual([2, '']);
      expect(unknown.stderr).toMatch(/^waystation: no subscription, repository or folder is called vendr; .*vendor\n$/);
      const nowhere = await pop.run('verify', 'tools/nosuch.rpm');
      expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringContaining('tools/nosuch.rpm')]);
      expect((await pop.run('verify', '/keys/vendor/1.asc')).code).toBe(2);
    }
  });
});

describeWith([root], 'waystation verify of root without the service', () => {
  test('leaves everything to the user whom the directory belongs to', async () => {
    await using here = await lab();
    const { pop } = here;
    await pop.stop();
    // The test's folder lets nobody else in.
    await chmod(dirname(pop.state), 0o755);
    const nobody = 65_534;
    for (const name of ['', ...(await readdir(pop.state, { recursive: true }))])
      await chown(join(pop.state, name), nobody, nobody);
    const { code, stderr } = await pop.run('verify');
    expect([code, stderr]).toEqual([0, '']);
    for (const name of await readdir(pop.state, { recursive: true }))
      expect([name, (await stat(join(pop.state, name))).uid]).toEqual([name, nobody]);
  });
});

test('without a state directory verify says so, and makes none', async () => {
  await using pop = await Pop.prepare({});
  const { code, stderr } = await pop.run('verify');
  expect([code, stderr]).toEqual([1, `waystation: no state directory at ${pop.state}: nothing was ever kept there\n`]);
  await expect(readFile(join(pop.state, 'FORMAT'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('status shows the scrub, and that it is off', async () => {
  await using pop = await Pop.start({ config: { cache: { keepFree: '0%', scrub: 'off' } } });
  expect((await pop.status()).cache.scrub).toMatchObject({ state: 'off', passBegan: null, damaged: 0 });
  expect((await pop.run('status')).stdout).toContain('scrub: off');
});
