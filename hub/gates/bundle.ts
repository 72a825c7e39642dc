import type { Listed } from '../../base/digest.ts';
import { maxPrimaryBytes } from '../../mirror/package-map.ts';
import { openRecord } from '../../mirror/held-record.ts';
import { nevraText } from '../../yum/nevra.ts';
import type { Nevra } from '../../yum/nevra.ts';
import { readPrimary } from '../../yum/primary.ts';
import type { RepomdRecord } from '../../yum/repomd.ts';

/** What gates see of a snapshot: its repositories, read from the store. */
export interface Bundle {
  readonly name: string;
  readonly repositories: readonly BundleRepository[];
}

export interface BundleRepository {
  readonly path: string;
  readonly records: readonly RepomdRecord[];
  /** The bytes of a file that it lists. @throws WaystationError when the store does not have them. */
  readonly read: (listed: Listed) => AsyncIterable<Buffer>;
}

/** A package of one of the repositories. */
export interface BundlePackage extends Nevra {
  readonly repository: BundleRepository;
  /** `name-[epoch:]version-release.arch` */
  readonly text: string;
  readonly listed: Listed;
}

/** Every package that the repositories list. @throws WaystationError when their metadata cannot be read. */
export async function packagesOf({ repositories }: Bundle, signal: AbortSignal): Promise<readonly BundlePackage[]> {
  const all: BundlePackage[] = [];
  for (const repository of repositories) {
    const primary = repository.records.find(({ type }) => type === 'primary');
    if (primary === undefined) continue;
    const { path, read } = repository;
    const held = { sink: { read: (_: string, listed: Listed) => read(listed) }, path, scope: 'open', signal };
    const found = await readPrimary(
      () => openRecord(held, primary, maxPrimaryBytes),
      async (fill) => {
        const packages: BundlePackage[] = [];
        await fill({
          add: ({ name, epoch, version, release, arch, listed }) => {
            const nevra = { name, epoch, version, release, arch };
            packages.push({ ...nevra, listed, repository, text: nevraText(nevra) });
          },
          unservable: () => {},
        });
        return packages;
      },
    );
    for (const each of found) all.push(each);
  }
  return all;
}
