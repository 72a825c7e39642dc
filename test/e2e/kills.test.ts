import { randomInt } from 'node:crypto';
import { mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { dnfTools, freshDnf } from '../support/dnf.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { metadataRun } from '../support/metadata-run.ts';
import { Pop } from '../support/pop.ts';
import { repositoryTools, sha256sum, signedRepository } from '../support/rpm-repository.ts';
import { takenBytes } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith } from '../support/tools.ts';

/** `WAYSTATION_KILLS=N` for more, `WAYSTATION_KILLS_SEED` for the same again. The built program gets the most. */
const kills = Number(process.env['WAYSTATION_KILLS'] ?? (process.env['WAYSTATION_BINARY'] === undefined ? 12 : 50));
const seed = Number(process.env['WAYSTATION_KILLS_SEED'] ?? randomInt(1_000_000));

/** Transfers of a full run and of a flip that may be open at a time: 8 packages, and the metadata of a repository. */
const lanes = 8;
const max = '12MiB';
const maxBytes = 12 * 1024 * 1024;

/** mulberry32: numbers from 0 to below 1. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The repositories of the origin, as they are now and ever were. */
class Repositories {
  readonly #origin: FaultyOrigin;
  readonly #random: () => number;
  readonly #packages = { full: new Map<string, string>(), some: new Map<string, string>() };
  /** Digest of every file that was ever published, by repository and href … */
  readonly digests = new Map<string, string>();
  /** … and its size. */
  readonly sizes = new Map<string, number>();
  #version = 0;

  constructor(origin: FaultyOrigin, random: () => number) {
    this.#origin = origin;
    this.#random = random;
  }

  names(repository: 'full' | 'some'): readonly string[] {
    return [...this.#packages[repository].keys()];
  }

  /** Publishes a repository with a tenth of its packages new. `full` is 2.5 MiB in 40 files, `some` 25 MiB in 50. */
  publish(repository: 'full' | 'some'): void {
    const packages = this.#packages[repository];
    this.#version += 1;
    const count = repository === 'full' ? 40 : 50;
    const names = [...packages.keys()];
    for (let gone = 0; gone < count / 10 && packages.size === count; gone += 1)
      packages.delete(names[Math.floor(this.#random() * names.length)] ?? '');
    for (let made = 0; packages.size < count; made += 1) {
      const name = `p/${repository}-${this.#version}-${made}.rpm`;
      // Some above the size that is verified before its first byte leaves.
      const size = repository === 'full' ? 64_000 : made % 5 === 0 ? 1_500_000 : 250_000;
      packages.set(name, `${name} ${incompressibleText(size, repository)}`);
    }
    putRepository(this.#origin, repository, { packages: Object.fromEntries(packages), types: ['primary'] });
    for (const [name, bytes] of packages) {
      this.digests.set(`${repository}/${name}`, digestOf(bytes));
      this.sizes.set(`${repository}/${name}`, Buffer.byteLength(bytes));
    }
  }

  /** Bytes of these files, each once. */
  bytesOf(names: Iterable<string>): number {
    return [...new Set(names)].reduce((sum, name) => sum + (this.sizes.get(name) ?? 0), 0);
  }
}

interface Load {
  /** Files that were answered whole and right, by the path below /content/. */
  readonly answered: Map<string, string>;
  readonly wrong: string[];
  stop(): Promise<void>;
}

/** Clients that ask for packages one after the other, until they are stopped. Cut and refused answers are no faults. */
function clients(pop: Pop, repositories: Repositories, random: () => number): Load {
  const answered = new Map<string, string>();
  const wrong: string[] = [];
  const stopped = new AbortController();
  const client = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const repository = random() < 0.3 ? 'full' : 'some';
      const names = repositories.names(repository);
      // Some names are asked for more often than others.
      const name = `${repository}/${names[Math.floor(random() ** 2 * names.length)] ?? ''}`;
      const answer = await download(pop.content, `/content/${name}`).catch(() => null);
      if (answer === null) await sleep(5);
      else if (answer.status === 200 && answer.complete) {
        const digest = digestOf(answer.body);
        if (digest === repositories.digests.get(name)) answered.set(name, digest);
        else wrong.push(`${name}: ${digest}`);
      } else if (answer.status === 200 || ![404, 502, 503, 504].includes(answer.status)) {
        // Cut: by the kill, which is not to be told from here.
        if (answer.status !== 200) wrong.push(`${name}: ${answer.status}`);
      }
    }
  };
  const all = Promise.all(Array.from({ length: 4 }, client));
  return {
    answered,
    wrong,
    stop: async () => {
      stopped.abort();
      await all;
    },
  };
}

/** Digests in the names of the held files. */
async function heldDigests(state: string): Promise<Set<string>> {
  const entries = await readdir(join(state, 'blobs'), { recursive: true, withFileTypes: true });
  return new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => `sha256:${name.split('.')[0]}`));
}

async function parts(state: string): Promise<readonly string[]> {
  return readdir(join(state, 'parts'));
}

/** Bytes that this process has removed to make room. */
async function evictedBytes(pop: Pop): Promise<number> {
  return (await pop.metrics()).get('evicted_bytes_total') ?? 0;
}

/** Asks for files that were answered before. @returns those that are no hits; those that come are right. */
async function missedOf(pop: Pop, files: readonly (readonly [name: string, digest: string])[]): Promise<string[]> {
  const missed: string[] = [];
  for (const [name, digest] of files) {
    const answer = await download(pop.content, `/content/${name}`);
    if (answer.word !== 'hit') missed.push(name);
    expect([name, answer.status]).toEqual([name, answer.word === 'hit' ? 200 : answer.status]);
    if (answer.status === 200) expect([name, digestOf(answer.body)]).toEqual([name, digest]);
  }
  return missed;
}

/** What this process removed to make room for its own transfers is no loss; nothing else may be missing. */
async function expectEvicted(pop: Pop, repositories: Repositories, missing: readonly string[]): Promise<void> {
  if (missing.length === 0) return;
  const evicted = await evictedBytes(pop);
  expect([missing, repositories.bytesOf(missing) <= evicted]).toEqual([missing, true]);
}

/** Resolves when what counts as used is what is there: also while something goes, it is so in the end. */
async function countedRight(pop: Pop): Promise<void> {
  for (;;) {
    const there = await takenBytes(pop.state);
    const { cache } = await pop.status();
    if (cache.reservedBytes === 0 && cache.bytes === there) return;
    await sleep(100);
  }
}

describeWith([...dnfTools, ...repositoryTools], 'SIGKILL', () => {
  test(
    `at ${kills} random moments of fills, syncs, flips and evictions loses nothing that was named (seed ${seed})`,
    { timeout: 180_000 + kills * 30_000 },
    async () => {
      const random = randomFrom(seed);
      await using directory = await temporaryDirectory();
      await using origin = await FaultyOrigin.start({ directory: directory.path });
      const rpms = await signedRepository(await mkdtemp(join(directory.path, 'rpms-')), {
        packages: [
          { name: 'alpha', bytes: 50_000 },
          { name: 'beta', requires: ['alpha'], bytes: 1_500_000 },
        ],
      });
      const repositories = new Repositories(origin, random);
      repositories.publish('full');
      repositories.publish('some');
      const hub = { hub: { type: 'yum' }, refresh: '1s', keep: { generations: 2, grace: '1s' } };
      const one = (path: string, url: string): object => ({
        name: path,
        ...hub,
        policy: path === 'full' ? 'full' : 'on-demand',
        repositories: [{ path, url }],
      });
      await using pop = await Pop.start({
        config: {
          cache: { max, keepFree: '0%' },
          subscriptions: [
            one('full', `${origin.url}full/`),
            one('some', `${origin.url}some/`),
            one('rpms', `${origin.url}${rpms.directory.slice(directory.path.length + 1)}/`),
          ],
        },
      });
      await pop.published();
      /** The real dnf, with fresh caches: everything is listed, fetched, and as its repository has it. */
      const dnfWorks = async (): Promise<void> => {
        const dnf = await freshDnf(directory.path, [{ id: 'rpms', baseurl: `${pop.content}/content/rpms/` }]);
        const fetched = await dnf.download('alpha', 'beta');
        expect(fetched).toMatchObject({ code: 0 });
        for (const name of rpms.packages)
          expect(await sha256sum(join(dnf.downloads, name))).toBe(await sha256sum(join(rpms.directory, name)));
      };
      await dnfWorks();
      // The first generation of a full repository is published before its packages are there.
      expect((await pop.run('sync', '--wait')).code).toBe(0);
      // From here on the cache is full: every kill may come in the midst of an eviction.
      const first = clients(pop, repositories, random);
      while ((await evictedBytes(pop)) === 0) await sleep(20);
      await first.stop();
      expect(first.wrong).toEqual([]);

      const flips = (): number => pop.lines.filter(({ msg }) => msg === 'generation published').length;
      for (let kill = 1; kill <= kills; kill += 1) {
        const load = clients(pop, repositories, random);
        await sleep(random() * 200);
        if (random() < 0.5) repositories.publish('full');
        if (random() < 0.3) repositories.publish('some');
        await sleep(random() * 500);
        await pop.kill();
        await load.stop();
        expect([kill, load.wrong]).toEqual([kill, []]);
        const held = await heldDigests(pop.state);

        // Half of the changes come while nobody is there to see them: the next start begins with a sync.
        if (random() < 0.5) repositories.publish(random() < 0.6 ? 'full' : 'some');
        // With the upstream away, at times: what the disk has is served, and right.
        const away = kill % 10 === 0 || random() < 0.3;
        if (away) await origin.stop();
        const over = (await takenBytes(pop.state)) > maxBytes;
        const asked = origin.requests.length;
        await pop.launch();
        const known = [...load.answered].filter(([, digest]) => held.has(digest));
        const missed = await missedOf(pop, known);
        // Without transfers there is nothing to make room for.
        if (away && !over) expect([kill, missed]).toEqual([kill, []]);
        await expectEvicted(pop, repositories, missed);
        for (const repository of ['full', 'some']) {
          const repomd = await download(pop.content, `/content/${repository}/repodata/repomd.xml`);
          expect([kill, repository, repomd.status]).toEqual([kill, repository, 200]);
        }
        // A full repository is published when all of it is held, and held until the next one is.
        expect((await metadataRun(pop.content, 'full')).wrong).toEqual([]);
        if (away) {
          expect(origin.requests.length).toBe(asked);
          await origin.resume();
        }

        if (kill % 10 > 0 && kill < kills) continue;
        // At rest: nothing is fetched twice but what was open, and what counts as used is there.
        const open = await parts(pop.state);
        const flipped = flips();
        repositories.publish('full');
        // The first may be one that began while the upstream was away.
        while ((await pop.run('sync', '--wait')).code !== 0) await sleep(100);
        await pop.logged(() => flips() > flipped);
        const packages = origin.requests.slice(asked).filter(({ path }) => path.startsWith('/full/p/'));
        const again = packages
          .map(({ path }) => path.slice(1))
          .filter((name) => held.has(repositories.digests.get(name) ?? ''));
        await expectEvicted(pop, repositories, again);
        expect(new Set(packages.map(({ path }) => path)).size).toBeGreaterThanOrEqual(packages.length - lanes);
        await dnfWorks();
        await countedRight(pop);
        expect(await takenBytes(pop.state)).toBeLessThanOrEqual(maxBytes + 64 * 1024 * 1024);
        // Incomplete transfers of clients' files wait for somebody to go on with them; nothing else is left.
        expect(open.length).toBeLessThan(kill * 4 + lanes);
      }
      await dnfWorks();
      expect(await pop.stop()).toMatchObject({ code: 0 });
    },
  );
});
