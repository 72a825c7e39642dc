import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command, type CommandResult } from './command.ts';
import { root, tool } from './tools.ts';

/** What a suite that runs dnf requires, downloads and installs included: for `describeWith`. */
export const dnfTools = [
  tool('dnf'),
  tool('/usr/lib/python3/dist-packages/dnf-plugins/download.py'),
  tool('gpg'),
  tool('rpm'),
  root,
];

/** A repository as dnf is told of it. */
export interface DnfRepository {
  readonly id: string;
  readonly baseurl: string;
  /** URL or `file://` of the public key. With it packages and, unless `repo_gpgcheck` says otherwise, metadata are checked. */
  readonly gpgkey?: string;
  /** Further lines of the section. */
  readonly options?: Readonly<Record<string, string>>;
}

/**
 * The real dnf with a home of its own: nothing of the machine's configuration, caches, plugins or rpm database counts.
 * Every method returns what dnf said and its exit status; none throws when dnf fails.
 */
export interface Dnf {
  /** Its folder: `cache/`, `root/`, `download/`. */
  readonly home: string;
  /** Where `install` installs. */
  readonly installroot: string;
  /** Where `download` downloads. */
  readonly downloads: string;
  makecache(): Promise<CommandResult>;
  /** `args` as after `dnf repoquery`; one package a line on stdout. */
  repoquery(...args: readonly string[]): Promise<CommandResult>;
  /** Into `downloads`, without dependencies. */
  download(...packages: readonly string[]): Promise<CommandResult>;
  /** Into `installroot`, with dependencies; keys are imported from `gpgkey`. */
  install(...packages: readonly string[]): Promise<CommandResult>;
  /** Any other command. */
  run(...args: readonly string[]): Promise<CommandResult>;
}

/**
 * A dnf with fresh caches.
 * @param directory an existing folder; a new one inside it becomes its home
 * @param repositories sections, or the text of a `.repo` file
 */
export async function freshDnf(directory: string, repositories: readonly DnfRepository[] | string): Promise<Dnf> {
  const home = await mkdtemp(join(directory, 'dnf-'));
  const installroot = join(home, 'root');
  const downloads = join(home, 'download');
  await Promise.all(['root', 'download', 'repos', 'empty'].map((name) => mkdir(join(home, name))));
  const text = typeof repositories === 'string' ? repositories : repositories.map(section).join('\n');
  await writeFile(join(home, 'repos/test.repo'), text);
  await writeFile(join(home, 'dnf.conf'), mainSection(home));

  const run = (...args: readonly string[]): Promise<CommandResult> =>
    command('dnf', ['--config', join(home, 'dnf.conf'), '--assumeyes', '--releasever=9', ...quietPlugins, ...args], {
      cwd: home,
      // gpg, which librepo runs for metadata, keeps its files there.
      env: { HOME: home },
    });
  return {
    home,
    installroot,
    downloads,
    run,
    makecache: () => run('makecache'),
    repoquery: (...args) => run('--quiet', 'repoquery', ...args),
    download: (...packages) => run('download', `--destdir=${downloads}`, ...packages),
    install: (...packages) => run(`--installroot=${installroot}`, 'install', ...packages),
  };
}

/** No plugin of the machine but the one that brings `dnf download`. */
const quietPlugins = ['--disableplugin=*', '--enableplugin=download'];

function mainSection(home: string): string {
  const settings = {
    cachedir: join(home, 'cache'),
    persistdir: join(home, 'persist'),
    logdir: join(home, 'log'),
    reposdir: join(home, 'repos'),
    varsdir: join(home, 'empty'),
    pluginconfpath: join(home, 'empty'),
    gpgcheck: 1,
    install_weak_deps: 0,
    fastestmirror: 0,
    keepcache: 1,
    // The reason of a failure shall not hide behind four tries of ten seconds.
    retries: 2,
    timeout: 20,
  };
  return ['[main]', ...Object.entries(settings).map(([name, value]) => `${name}=${value}`), ''].join('\n');
}

function section({ id, baseurl, gpgkey, options = {} }: DnfRepository): string {
  const checked = gpgkey === undefined ? { gpgcheck: '0' } : { gpgcheck: '1', repo_gpgcheck: '1', gpgkey };
  const lines = Object.entries({ name: id, baseurl, enabled: '1', ...checked, ...options });
  return [`[${id}]`, ...lines.map(([name, value]) => `${name}=${value}`), ''].join('\n');
}
