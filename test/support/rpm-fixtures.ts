import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { succeed } from './command.ts';

/** What rpmbuild shall make. Characters that rpm allows in names and versions (`+ ~ ^ _ .`) may be used. */
export interface PackageRecipe {
  readonly name: string;
  /** Default 1.0. */
  readonly version?: string;
  /** Default 1. */
  readonly release?: string;
  readonly epoch?: number;
  /** Names or conditions as in a spec's Requires. */
  readonly requires?: readonly string[];
  /** What is installed with it by default, and need not be. */
  readonly recommends?: readonly string[];
  /** Packages that it takes the place of. */
  readonly obsoletes?: readonly string[];
  /** Default false: it says nothing of what changed. */
  readonly changelog?: boolean;
  /** Adds an incompressible file of this many bytes. */
  readonly bytes?: number;
}

/** The machine's fixtures: bump the number when the way they are made changes, the recipes themselves name their files. */
const store = join(tmpdir(), `waystation-fixtures-1-${process.getuid?.() ?? 0}`);
const keyDirectory = join(store, 'key');
const userId = 'Waystation Fixtures <fixtures@example.com>';

/**
 * The signed package of a recipe: built and signed once a machine, then kept in the temporary folder. Test processes
 * may race: what is made appears whole, by rename, and who comes second takes what is there.
 * @returns the path of the .rpm; do not change that file.
 */
export async function packageFile(recipe: PackageRecipe): Promise<string> {
  const directory = join(store, createHash('sha256').update(specOf(recipe)).digest('hex').slice(0, 16));
  await once(directory, async (building) => {
    await writeFile(join(building, 'package.spec'), specOf(recipe));
    const top = ['--define', `_topdir ${building}/build`, '--define', `_rpmdir ${building}`];
    const reproducible = ['--define', '_buildhost fixtures.example.com', '--define', '_binary_payload w1.gzdio'];
    await succeed('rpmbuild', ['--quiet', '-bb', ...top, ...reproducible, join(building, 'package.spec')]);
    await withSecretKey((home) => signPackage(home, join(building, 'noarch', `${fileStem(recipe)}.rpm`)));
    await rm(join(building, 'build'), { recursive: true });
  });
  return join(directory, 'noarch', `${fileStem(recipe)}.rpm`);
}

/** The armored public key that verifies every package and all metadata of the fixtures. */
export async function publicKey(): Promise<string> {
  await ensureKey();
  return await readFile(join(keyDirectory, 'public.asc'), 'utf8');
}

/** A detached armored signature of `file`, beside it: `file`.asc. */
export async function signDetached(file: string): Promise<void> {
  const options = ['--batch', '--yes', '--armor', '--detach-sign'];
  await withSecretKey((home) => succeed('gpg', ['--homedir', home, ...options, '--output', `${file}.asc`, file]));
}

/** The name of the package's file without `.rpm`. */
export function fileStem({ name, version = '1.0', release = '1' }: PackageRecipe): string {
  return `${name}-${version}-${release}.noarch`;
}

function specOf({
  name,
  version = '1.0',
  release = '1',
  epoch,
  requires = [],
  recommends = [],
  obsoletes = [],
  changelog = false,
  bytes = 0,
}: PackageRecipe): string {
  const folder = `%{buildroot}/usr/share/fixtures/${name}`;
  return [
    `Name: ${name}`,
    `Version: ${version}`,
    `Release: ${release}`,
    ...(epoch === undefined ? [] : [`Epoch: ${epoch}`]),
    'Summary: A package for tests',
    'License: Apache-2.0',
    'BuildArch: noarch',
    ...requires.map((required) => `Requires: ${required}`),
    ...recommends.map((recommended) => `Recommends: ${recommended}`),
    ...obsoletes.map((obsolete) => `Obsoletes: ${obsolete}`),
    '%description\nA package for tests.',
    `%install\nmkdir -p ${folder}\necho ${name} ${version}-${release} > ${folder}/version`,
    ...(bytes > 0 ? [`head -c ${bytes} /dev/urandom > ${folder}/payload`] : []),
    `%files\n/usr/share/fixtures/${name}\n`,
    ...(changelog ? ['%changelog\n* Mon Jan 05 2026 Fixtures <fixtures@example.com> - 1\n- made\n'] : []),
  ].join('\n');
}

async function signPackage(home: string, file: string): Promise<void> {
  // Debian's macro names gpg2, which need not be there; rpmsign then leaves the package unsigned.
  const macros = { __gpg: '/usr/bin/gpg', _gpg_path: home, _gpg_name: userId };
  const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  await succeed('rpmsign', [...defines, '--addsign', file]);
  const seen = await succeed('rpm', ['--qf', '%{SIGPGP:pgpsig}%{RSAHEADER:pgpsig}', '-qp', file]);
  if (!seen.includes('Key ID')) throw new Error(`${file} came out unsigned`);
}

async function ensureKey(): Promise<void> {
  await once(keyDirectory, async (building) => {
    const gpg = (...args: string[]): Promise<string> => succeed('gpg', ['--homedir', building, '--batch', ...args]);
    await gpg('--passphrase', '', '--quick-generate-key', userId, 'rsa3072', 'sign', 'never');
    await writeFile(join(building, 'public.asc'), await gpg('--armor', '--export', userId));
    await stopAgent(building);
  });
}

/** Lends a private copy of the key's home: gpg's agent holds the folder that it serves. */
async function withSecretKey<T>(use: (home: string) => Promise<T>): Promise<T> {
  await ensureKey();
  const home = await mkdtemp(join(tmpdir(), 'waystation-gpg-'));
  try {
    await cp(keyDirectory, home, { recursive: true });
    return await use(home);
  } finally {
    await stopAgent(home);
    await rm(home, { recursive: true, force: true });
  }
}

async function stopAgent(home: string): Promise<void> {
  await succeed('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
  // Its sockets cannot be copied.
  const left = (await readdir(home)).filter((name) => name.startsWith('S.'));
  await Promise.all(left.map((name) => rm(join(home, name), { force: true })));
}

/** Makes `directory` by `build` unless it is there; of several makers at once the first to finish wins. */
async function once(directory: string, build: (building: string) => Promise<void>): Promise<void> {
  if (existsSync(directory)) return;
  await mkdir(store, { recursive: true, mode: 0o700 });
  const building = await mkdtemp(join(store, 'building-'));
  try {
    await build(building);
    await rename(building, directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}
