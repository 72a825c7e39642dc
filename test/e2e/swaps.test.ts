import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { metadataRun } from '../support/metadata-run.ts';
import type { MetadataRun } from '../support/metadata-run.ts';
import { Pop } from '../support/pop.ts';

/** `WAYSTATION_SWAPS=long`: more of everything, and what takes more than a minute. */
const long = process.env['WAYSTATION_SWAPS'] === 'long';
const swapsWanted = long ? 2_010 : 210;

/** Repositories that change, each in a subscription of its own: every change is a generation. */
class Changing implements AsyncDisposable {
  readonly paths: readonly string[];
  readonly origin: FaultyOrigin;
  readonly pop: Pop;
  /** Everything that any version ever had. */
  readonly known = new Set<Digest>();
  readonly #simpleNames: boolean;

  static async start(count: number, names: 'hashed' | 'simple'): Promise<Changing> {
    const origin = await FaultyOrigin.start();
    const paths = Array.from({ length: count }, (_, index) => `r${index}`);
    const entry = (path: string): object => ({
      name: path,
      hub: { type: 'yum' },
      refresh: '1s',
      repositories: [{ path, url: `${origin.url}${path}/` }],
    });
    const pop = await Pop.prepare({ config: { subscriptions: paths.map(entry) } });
    const changing = new Changing({ origin, pop, paths, simpleNames: names === 'simple' });
    for (const path of paths) changing.put(path, 0);
    await pop.launch();
    await pop.published();
    return changing;
  }

  private constructor(options: { origin: FaultyOrigin; pop: Pop; paths: readonly string[]; simpleNames: boolean }) {
    this.origin = options.origin;
    this.pop = options.pop;
    this.paths = options.paths;
    this.#simpleNames = options.simpleNames;
  }

  /** Publishes a version upstream. @returns its repomd.xml's digest, and the request paths of its records. */
  put(path: string, version: number): { repomd: Digest; records: readonly string[] } {
    const packages = {
      [`stays-${path}.rpm`]: `the same in all versions of ${path}`,
      [`a-${version}.rpm`]: `a ${path} ${version}`,
      [`b-${version}.rpm`]: `b ${path} ${version}`.repeat(500),
    };
    const made = putRepository(this.origin, path, { packages, simpleNames: this.#simpleNames });
    const files = [made.repomd, ...made.records.map(({ bytes }) => bytes), ...Object.values(packages)];
    for (const bytes of files) this.known.add(digestOf(bytes));
    return { repomd: digestOf(made.repomd), records: made.records.map(({ href }) => `/${path}/${href}`) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pop[Symbol.asyncDispose]();
    await this.origin[Symbol.asyncDispose]();
  }
}

/** Clients on connections of their own that read one repository after the other until told to stop. */
function clients(changing: Changing, count: number, pause: () => Promise<unknown>): () => Promise<MetadataRun[]> {
  const runs: MetadataRun[] = [];
  const stop = new AbortController();
  const each = Array.from({ length: count }, async (_, index) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 2 });
    for (let turn = index; !stop.signal.aborted; turn += 1) {
      const path = changing.paths[turn % changing.paths.length] ?? '';
      runs.push(await metadataRun(changing.pop.content, path, { agent }));
      await pause();
    }
    agent.destroy();
  });
  const reading = Promise.all(each);
  // What a test that failed leaves behind ends with it, and is not what failed.
  reading.catch(() => {});
  onTestFinished(() => stop.abort());
  return async () => {
    stop.abort();
    await reading;
    return runs;
  };
}

async function start(count: number, names: 'hashed' | 'simple'): Promise<Changing> {
  const changing = await Changing.start(count, names);
  onTestFinished(() => changing[Symbol.asyncDispose]());
  return changing;
}

test(
  `hashed names: no client of ${swapsWanted} swaps sees a mixture, and each is visible within 5 s`,
  { timeout: long ? 1_200_000 : 120_000 },
  async () => {
    const changing = await start(30, 'hashed');
    const { pop, origin } = changing;
    const stop = clients(changing, 8, () => Promise.resolve());
    const delays: number[] = [];
    const swap = async (path: string, version: number): Promise<void> => {
      // Of thousands of requests only the latest are looked at, or the origin would have no time to answer.
      const from = origin.requests.length;
      const { repomd, records } = changing.put(path, version);
      await origin.until(() => {
        const whole = new Set(
          origin.requests.slice(from).flatMap((each) => (each.ended === 'complete' ? each.path : [])),
        );
        return records.every((record) => whole.has(record));
      });
      const proven = performance.now();
      for (;;) {
        const { body } = await download(pop.content, `/content/${path}/repodata/repomd.xml`);
        if (digestOf(body) === repomd) break;
        await sleep(50);
      }
      delays.push(performance.now() - proven);
    };
    await Promise.all(
      changing.paths.map(async (path) => {
        for (let version = 1; version <= swapsWanted / changing.paths.length; version += 1) await swap(path, version);
      }),
    );
    const runs = await stop();
    const mixed = runs.flatMap(({ wrong }) => wrong);
    expect(mixed).toEqual([]);
    expect(runs.filter(({ repomd, files }) => !changing.known.has(repomd) || files !== 5)).toEqual([]);
    expect(delays.length).toBeGreaterThanOrEqual(200);
    expect(Math.max(...delays)).toBeLessThan(5_000);
    // Enough of them that a mixture would have been seen.
    expect(runs.length).toBeGreaterThan(swapsWanted);
    const worst = Math.round(Math.max(...delays));
    console.log(
      `${delays.length} swaps under ${runs.length} reads of 6 files: 0 mixed, the latest visible after ${worst} ms`,
    );
  },
);

test('a client that read repomd.xml before the switch gets all that it names afterwards', async () => {
  const changing = await start(1, 'hashed');
  const { pop } = changing;
  const switched = async (): Promise<void> => {
    for (const version of [1, 2]) {
      const { repomd } = changing.put('r0', version);
      await pop.until(({ subscriptions }) => subscriptions[0]?.repositories[0]?.repomd === repomd);
    }
  };
  // Nothing but repomd.xml was ever asked for before two switches: packages come from an upstream that has gone on.
  const run = await metadataRun(pop.content, 'r0', { pause: switched });
  expect(run.wrong).toEqual([]);
  expect(run.files).toBe(5);
  expect((await pop.generations()).length).toBe(3);
});

test('simple names: a switch waits for 5 s without a client, few runs fail, and none with wrong data', async () => {
  const rounds = long ? 10 : 2;
  const changing = await start(6, 'simple');
  const { pop } = changing;
  const allRuns: MetadataRun[] = [];
  for (let version = 1; version <= rounds; version += 1) {
    const versions = new Map(changing.paths.map((path) => [path, changing.put(path, version).repomd]));
    const served = async (): Promise<number> => {
      const { subscriptions } = await pop.status();
      return subscriptions.filter(({ name, repositories }) => repositories[0]?.repomd === versions.get(name)).length;
    };
    // Every repository is read at least once a second, for longer than a change takes that does not have to wait.
    const stop = clients(changing, 6, () => sleep(100));
    await sleep(5_000);
    expect(await served()).toBe(0);
    allRuns.push(...(await stop()));
    const quietSince = performance.now();
    await pop.until(({ subscriptions }) =>
      subscriptions.every(({ name, repositories }) => repositories[0]?.repomd === versions.get(name)),
    );
    const waited = performance.now() - quietSince;
    expect(waited).toBeGreaterThan(4_000);
    expect(waited).toBeLessThan(10_000);
  }
  await judge(changing, allRuns);
});

if (long) {
  test('simple names: a repository that is never quiet switches after 60 s', { timeout: 900_000 }, async () => {
    const changing = await start(6, 'simple');
    const { pop } = changing;
    const stop = clients(changing, 12, () => sleep(20));
    for (let version = 1; version <= 5; version += 1) {
      const put = performance.now();
      const versions = new Map(changing.paths.map((path) => [path, changing.put(path, version).repomd]));
      await pop.until(({ subscriptions }) =>
        subscriptions.every(({ name, repositories }) => repositories[0]?.repomd === versions.get(name)),
      );
      const took = performance.now() - put;
      expect(took).toBeGreaterThan(55_000);
      expect(took).toBeLessThan(68_000);
    }
    await judge(changing, await stop());
  });
}

/** At most one run in a hundred failed, all that came belongs to some version, and the next runs are right. */
async function judge(changing: Changing, runs: readonly MetadataRun[]): Promise<void> {
  const failed = runs.filter(({ wrong }) => wrong.length > 0);
  console.log(`${runs.length} runs, ${failed.length} failed`);
  expect(runs.length).toBeGreaterThan(100);
  expect(failed.length).toBeLessThanOrEqual(runs.length / 100);
  const files = failed.flatMap(({ wrong }) => wrong);
  expect(files.filter(({ digest }) => digest === null || !changing.known.has(digest))).toEqual([]);
  const next = await Promise.all(changing.paths.map((path) => metadataRun(changing.pop.content, path)));
  expect(next.flatMap(({ wrong }) => wrong)).toEqual([]);
}
