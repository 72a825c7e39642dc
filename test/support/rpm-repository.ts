import { createHash } from 'node:crypto';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { command, succeed } from './command.ts';
import { packageFile, publicKey, signDetached } from './rpm-fixtures.ts';
import type { PackageRecipe } from './rpm-fixtures.ts';
import { rewriteRecord } from './repomd-rewriting.ts';
import { tool } from './tools.ts';

export type { PackageRecipe } from './rpm-fixtures.ts';

/** What a suite that builds repositories requires: for `describeWith`. */
export const repositoryTools = ['rpmbuild', 'rpmsign', 'rpm', 'gpg', 'createrepo_c'].map((name) => tool(name));

/** A package as a repository carries it. */
export interface RepositoryPackage extends PackageRecipe {
  /** Where it lies in the repository, when that is not the file's own name: `Packages/with space.rpm`. */
  readonly href?: string;
}

export interface RepositoryOptions {
  readonly packages: readonly RepositoryPackage[];
  /** Of packages and metadata, as createrepo_c names it; default sha256. */
  readonly checksum?: 'sha256' | 'sha512' | 'sha384' | 'sha224' | 'sha1';
  /** `primary.xml.gz` instead of `<checksum>-primary.xml.gz`. */
  readonly simpleNames?: boolean;
  /** Of primary, filelists and other; default gz. */
  readonly compression?: 'gz' | 'xz' | 'zstd';
  /** Writes zchunk records besides. */
  readonly zchunk?: boolean;
  /** Lists a file of 0 bytes under this href, as a package `empty-file`. */
  readonly emptyFile?: string;
  /** Default true: repomd.xml.asc and repomd.xml.key. */
  readonly signedMetadata?: boolean;
}

/** A repository on disk, as an origin would serve it. */
export interface SignedRepository {
  readonly directory: string;
  /** The packages' paths in it, raw, as metadata lists them; the empty file included. */
  readonly packages: readonly string[];
  /** Armored public key of packages and metadata. */
  readonly key: string;
}

/**
 * Builds a repository of signed packages in `directory`, or publishes one again over what lies there: packages of
 * before stay as files, metadata lists only `options.packages`.
 */
export async function signedRepository(directory: string, options: RepositoryOptions): Promise<SignedRepository> {
  const hrefs = await layPackages(directory, options.packages);
  await createMetadata(directory, hrefs, options);
  if (options.emptyFile !== undefined) await listEmptyFile(directory, options.emptyFile);
  if (options.compression === 'zstd') await repackAsZstd(directory);
  const key = await publicKey();
  const repomd = join(directory, 'repodata/repomd.xml');
  if (options.signedMetadata !== false) {
    await signDetached(repomd);
    await writeFile(`${repomd}.key`, key);
  }
  return { directory, packages: options.emptyFile === undefined ? hrefs : [...hrefs, options.emptyFile], key };
}

async function layPackages(directory: string, packages: readonly RepositoryPackage[]): Promise<string[]> {
  const hrefs: string[] = [];
  for (const recipe of packages) {
    const file = await packageFile(recipe);
    const href = recipe.href ?? basename(file);
    await mkdir(dirname(join(directory, href)), { recursive: true });
    await copyFile(file, join(directory, href));
    hrefs.push(href);
  }
  return hrefs;
}

async function createMetadata(directory: string, hrefs: readonly string[], options: RepositoryOptions): Promise<void> {
  const list = join(directory, '.packages');
  await mkdir(directory, { recursive: true });
  await writeFile(list, hrefs.map((href) => `${href}\n`).join(''));
  await succeed('createrepo_c', [
    '--quiet',
    '--no-database',
    `--pkglist=${list}`,
    `--checksum=${options.checksum ?? 'sha256'}`,
    ...(options.simpleNames ? ['--simple-md-filenames'] : []),
    ...(options.compression === 'xz' ? ['--xz'] : []),
    ...(options.zchunk ? ['--zck'] : []),
    directory,
  ]);
  await rm(list);
}

/** createrepo_c lists packages only; a file of 0 bytes gets into primary as a copy of another package's element. */
async function listEmptyFile(directory: string, href: string): Promise<void> {
  await mkdir(dirname(join(directory, href)), { recursive: true });
  await writeFile(join(directory, href), '');
  const change = (xml: string): string => {
    const element = /<package type="rpm">.*?<\/package>/s.exec(xml)?.[0];
    if (!element) throw new Error('the repository needs one package of its own');
    const algorithm = /<checksum type="([^"]+)"/.exec(element)?.[1] ?? 'sha256';
    const nothing = createHash(algorithm).digest('hex');
    const copy = element
      .replace(/<name>[^<]*/, '<name>empty-file')
      .replace(/(<checksum [^>]*>)[^<]*/, `$1${nothing}`)
      .replace(/(<size package=")\d+/, '$10')
      .replace(/(<location href=")[^"]*/, `$1${href}`)
      .replace(/<rpm:(provides|requires)>.*?<\/rpm:\1>/gs, '');
    return xml
      .replace(element, `${element}\n${copy}`)
      .replace(/packages="(\d+)"/, (_, count: string) => `packages="${Number(count) + 1}"`);
  };
  await rewriteRecord(directory, { type: 'primary', packing: 'gz', change });
}

async function repackAsZstd(directory: string): Promise<void> {
  for (const type of ['primary', 'filelists', 'other']) await rewriteRecord(directory, { type, packing: 'zst' });
}

/** The sha256 of a file, by another program than the one under test. */
export async function sha256sum(file: string): Promise<string> {
  const { stdout } = await command('sha256sum', ['-b', file]);
  return stdout.replace(/^\\/, '').slice(0, 64);
}
