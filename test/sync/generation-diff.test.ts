import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf, hexOf } from '../../base/digest.ts';
import type { Digest, Listed } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { possessionScope } from '../../base/generation.ts';
import type { GenerationDocument, RepositoryDocument } from '../../base/generation.ts';
import { GenerationComparison } from '../../sync/generation-diff.ts';
import type { MetadataReader, RepositoryDiff } from '../../mirror/repository-diff.ts';
import { generation } from '../cache/generation-documents.ts';

interface Package {
  readonly name: string;
  readonly version: string;
  readonly epoch?: string;
  readonly arch?: string;
  /** What the file is: the same package built twice differs in it. */
  readonly build?: string;
  readonly folder?: string;
}

/** Metadata in memory, of repositories that tests make. */
class Metadata implements MetadataReader {
  readonly #files = new Map<string, Buffer>();
  readonly #maps = new Map<Digest, readonly { readonly href: string; readonly listed: Listed }[]>();
  /** Files read, by digest. */
  readonly reads: Digest[] = [];

  async *read(scope: string, listed: Listed): AsyncGenerator<Buffer> {
    this.reads.push(listed.digest);
    const bytes = this.#files.get(`${scope} ${listed.digest}`);
    if (bytes === undefined) throw new WaystationError('blob_damaged', `${listed.digest} is not held`);
    for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
  }

  async *packages(primary: Digest): AsyncGenerator<{ readonly href: string; readonly listed: Listed }> {
    const map = this.#maps.get(primary);
    if (map === undefined) throw new WaystationError('blob_damaged', 'no map');
    yield* map;
  }

  loseMaps(): void {
    this.#maps.clear();
  }

  lose({ digest }: Listed): void {
    for (const name of this.#files.keys()) if (name.endsWith(` ${digest}`)) this.#files.delete(name);
  }

  /** A repository at `r` with these packages and advisories, all listed by one algorithm. */
  repository(
    packages: readonly Package[],
    advisories: readonly string[] | null = null,
    algorithm: 'sha256' | 'sha1' = 'sha256',
  ): RepositoryDocument {
    const keep = (text: string): Listed => {
      const listed = { digest: digestOf(text, algorithm), size: Buffer.byteLength(text) };
      this.#files.set(`${possessionScope('own', 'r', listed)} ${listed.digest}`, Buffer.from(text));
      return listed;
    };
    const primary = keep(primaryXml(packages));
    const map = packages.map((one) => ({ href: hrefOf(one), listed: { digest: digestOf(fileOf(one)), size: 1 } }));
    const mapName = digestOf(primaryXml(packages));
    this.#maps.set(
      mapName,
      map.toSorted((a, b) => Buffer.compare(Buffer.from(a.href), Buffer.from(b.href))),
    );
    const updates = (advisories ?? []).map((id) => `<update><id>${id}</id></update>`).join('');
    const records: Record<string, Listed> = { primary };
    if (advisories !== null) records['updateinfo'] = keep(`<updates>${updates}</updates>`);
    const data = Object.entries(records).map(
      ([type, { digest, size }]) => `<data type="${type}"><checksum type="${algorithm}">${hexOf(digest)}</checksum>
<location href="repodata/${type}.xml"/><size>${size}</size></data>`,
    );
    const repomd = `<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>${data.length}</revision>${data.join('')}</repomd>`;
    const listed = { digest: digestOf(repomd), size: Buffer.byteLength(repomd) };
    this.#files.set(`own ${listed.digest}`, Buffer.from(repomd));
    return { scope: 'own', guard: null, repomd: listed, asc: null, key: null, treeinfo: null, records, map: mapName };
  }
}

const fileOf = (one: Package): string => JSON.stringify(one);
const hrefOf = ({ name, version, epoch = '0', arch = 'noarch', build = '', folder = 'P' }: Package): string =>
  `${folder}/${name}-${epoch}-${version}${build}.${arch}.rpm`;

function primaryXml(packages: readonly Package[]): string {
  const elements = packages.map((one) => {
    const { name, version, epoch = '0', arch = 'noarch' } = one;
    return `<package type="rpm"><name>${name}</name><arch>${arch}</arch><version epoch="${epoch}" ver="${version}" rel="1"/>
<checksum type="sha256" pkgid="YES">${hexOf(digestOf(fileOf(one)))}</checksum><size package="1"/><location href="${hrefOf(one)}"/></package>`;
  });
  return `<metadata xmlns="http://linux.duke.edu/metadata/common" packages="${packages.length}">${elements.join('\n')}</metadata>`;
}

const holding = (number: number, repository: RepositoryDocument | null): GenerationDocument =>
  generation(number, repository === null ? {} : { r: repository });

async function compared(
  metadata: Metadata,
  from: RepositoryDocument | null,
  to: RepositoryDocument | null,
): Promise<RepositoryDiff> {
  const { repositories } = await new GenerationComparison(metadata).compare(holding(1, from), holding(2, to), null);
  const [only] = repositories;
  if (only === undefined || repositories.length > 1) throw new Error('there is one repository');
  return only;
}

const a1 = { name: 'a', version: '1' };
const b1 = { name: 'b', version: '1' };
const none = { added: [], removed: [], changed: [], rebuilt: [] };

describe('a comparison of two generations', () => {
  test('tells what came, went, changed and was rebuilt, by name and version', async () => {
    const metadata = new Metadata();
    const old = [
      a1,
      b1,
      { name: 'k', version: '9' },
      { name: 'k', version: '10' },
      { name: 'm', version: '1', arch: 'x86_64' },
    ];
    const fresh = [
      { ...b1, build: 'again' },
      { name: 'k', version: '10' },
      { name: 'k', version: '2', epoch: '1' },
    ];
    const came = [
      { name: 'm', version: '1' },
      { name: 'z', version: '1', epoch: '2' },
    ];
    const found = await compared(metadata, metadata.repository(old), metadata.repository([...fresh, ...came]));
    expect(found).toEqual({
      path: 'r',
      state: 'changed',
      packages: {
        added: ['m-1-1.noarch', 'z-2:1-1.noarch'],
        removed: ['a-1-1.noarch', 'm-1-1.x86_64'],
        changed: [{ name: 'k', arch: 'noarch', from: ['9-1'], to: ['1:2-1'] }],
        rebuilt: ['b-1-1.noarch'],
      },
      advisories: { gained: [], lost: [] },
      error: null,
    });
  });

  test('does not take a package that moved for another one', async () => {
    const metadata = new Metadata();
    // The file's bytes name its folder here, so it is the same build only with the same text.
    const moved = metadata.repository([a1, b1]);
    const found = await compared(metadata, moved, metadata.repository([b1, a1]));
    expect([found.state, found.packages]).toEqual(['changed', none]);
  });

  test('of whole repositories that came or went lists all of them', async () => {
    const metadata = new Metadata();
    const repository = metadata.repository([a1], ['A-1']);
    expect(await compared(metadata, null, repository)).toMatchObject({
      state: 'added',
      packages: { ...none, added: ['a-1-1.noarch'] },
      advisories: { gained: ['A-1'], lost: [] },
    });
    expect(await compared(metadata, repository, null)).toMatchObject({
      state: 'removed',
      packages: { ...none, removed: ['a-1-1.noarch'] },
      advisories: { gained: [], lost: ['A-1'] },
    });
  });

  test('reads nothing of repositories that are the same, and no record that is', async () => {
    const metadata = new Metadata();
    const repository = metadata.repository([a1], ['A-1']);
    expect((await compared(metadata, repository, repository)).state).toBe('unchanged');
    expect(metadata.reads).toEqual([]);
    const later = metadata.repository([a1], ['A-2', 'A-3']);
    expect(await compared(metadata, repository, later)).toMatchObject({
      packages: none,
      advisories: { gained: ['A-2', 'A-3'], lost: ['A-1'] },
    });
    expect(metadata.reads).not.toContain(repository.records['primary']?.digest);
  });

  test('finds the metadata of a repository that lists by a forgeable algorithm in its own scope', async () => {
    const metadata = new Metadata();
    const found = await compared(
      metadata,
      metadata.repository([a1], null, 'sha1'),
      metadata.repository([b1], null, 'sha1'),
    );
    expect(found).toMatchObject({ packages: { added: ['b-1-1.noarch'], removed: ['a-1-1.noarch'] }, error: null });
  });

  test('needs no package maps', async () => {
    const metadata = new Metadata();
    const [from, to] = [metadata.repository([a1, b1]), metadata.repository([b1])];
    metadata.loseMaps();
    expect(await compared(metadata, from, to)).toMatchObject({
      packages: { ...none, removed: ['a-1-1.noarch'] },
      error: null,
    });
  });

  test('says of what repository the metadata is damaged, and tells what it could', async () => {
    const metadata = new Metadata();
    const [from, to] = [metadata.repository([a1], ['A-1']), metadata.repository([b1], ['A-2'])];
    metadata.lose(to.records['updateinfo'] as Listed);
    expect(await compared(metadata, from, to)).toMatchObject({
      packages: { added: ['b-1-1.noarch'], removed: ['a-1-1.noarch'] },
      advisories: { gained: [], lost: [] },
      error: { code: 'blob_damaged' },
    });
    metadata.lose(from.repomd);
    expect(await compared(metadata, from, to)).toMatchObject({ packages: none, error: { code: 'blob_damaged' } });
  });

  test('is of one repository when that is asked for, and names all there are', async () => {
    const metadata = new Metadata();
    const repository = metadata.repository([a1]);
    const [from, to] = [
      generation(1, { q: repository, r: repository }),
      generation(2, { r: repository, s: repository }),
    ];
    const found = await new GenerationComparison(metadata).compare(from, to, 's');
    expect(found.paths).toEqual(['q', 'r', 's']);
    expect(found.repositories.map(({ path, state }) => [path, state])).toEqual([['s', 'added']]);
    expect([found.from.id, found.to.id]).toEqual([from.id, to.id]);
  });

  test('finds the same as a comparison of the two sets, with maps and without', async () => {
    const packages = fc.uniqueArray(
      fc.record({
        name: fc.constantFrom('a', 'b', 'é', 'Z+'),
        version: fc.constantFrom('1', '2', '10'),
        build: fc.constantFrom('', 'x'),
      }),
      { selector: ({ name, version }) => `${name} ${version}`, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(packages, packages, fc.boolean(), async (before, after, hasMaps) => {
        const metadata = new Metadata();
        const [from, to] = [metadata.repository(before), metadata.repository(after)];
        if (!hasMaps) metadata.loseMaps();
        const { packages: found } = await compared(metadata, from, to);
        const nevra = ({ name, version }: Package): string => `${name}-${version}-1.noarch`;
        const builds = (list: readonly Package[]): Map<string, string> =>
          new Map(list.map((one) => [nevra(one), fileOf(one)]));
        const [one, other] = [builds(before), builds(after)];
        const flat = (side: 'from' | 'to'): string[] =>
          found.changed.flatMap((change) => change[side].map((evr) => `${change.name}-${evr}.${change.arch}`));
        expect([...found.removed, ...flat('from')].toSorted()).toEqual(
          [...one.keys()].filter((each) => !other.has(each)).toSorted(),
        );
        expect([...found.added, ...flat('to')].toSorted()).toEqual(
          [...other.keys()].filter((each) => !one.has(each)).toSorted(),
        );
        const rebuilt = [...one].filter(([each, file]) => other.has(each) && other.get(each) !== file);
        expect(found.rebuilt.toSorted()).toEqual(rebuilt.map(([each]) => each).toSorted());
        const names = (list: readonly string[]): string[] => list.map((each) => each.replace(/-.*/, ''));
        expect(names(found.added).filter((name) => names(found.removed).includes(name))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});
