import { execFileSync } from 'node:child_process';

/** What a host must have (docs/installation.md): the libraries that the executable and its addons may need. */
export const allowedLibraries = [
  'libc.so.6',
  'libm.so.6',
  'libdl.so.2',
  'libpthread.so.0',
  'libstdc++.so.6',
  'libgcc_s.so.1',
  'libatomic.so.1',
  'ld-linux-x86-64.so.2',
  'ld-linux-aarch64.so.1',
] as const;

/** The newest version of each library's symbols that may be asked for: those of Enterprise Linux 8. */
export const newestVersions: Readonly<Record<string, string>> = {
  GLIBC: '2.28',
  GLIBCXX: '3.4.25',
  CXXABI: '1.3.11',
  GCC: '7.0.0',
  LIBATOMIC: '1.2',
};

/** What an ELF file asks of the host, as readelf(1) shows it. */
export interface Demands {
  readonly libraries: readonly string[];
  /** `GLIBC_2.17` and the like. */
  readonly versions: readonly string[];
}

/** @throws Error that names every library and symbol version beyond what is promised. */
export function checkLibraries(file: string): void {
  const objections = objectionsTo(demandsOf(file));
  if (objections.length > 0) throw new Error(`${file} asks too much of the host: ${objections.join(', ')}`);
}

function demandsOf(file: string): Demands {
  const readelf = (option: string): string =>
    execFileSync('readelf', ['--wide', option, file], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
  const dynamic = readelf('--dynamic').matchAll(/\(NEEDED\).*\[(.+)\]/g);
  const needs = readelf('--version-info').split('Version needs section')[1] ?? '';
  return {
    libraries: [...dynamic].map(([, name = '']) => name),
    versions: [...new Set([...needs.matchAll(/Name: (\S+)/g)].map(([, name = '']) => name))],
  };
}

/** What is beyond the promise, in words; nothing when all is well. */
export function objectionsTo({ libraries, versions }: Demands): string[] {
  const strange = libraries.filter((name) => !(allowedLibraries as readonly string[]).includes(name));
  const tooNew = versions.filter((version) => {
    const [, family = '', number = ''] = /^([A-Z]+)_(\d[\d.]*)$/.exec(version) ?? [];
    const newest = newestVersions[family];
    return newest === undefined || isNewer(number, newest);
  });
  return [...strange.map((name) => `the library ${name}`), ...tooNew.map((name) => `symbols of ${name}`)];
}

function isNewer(number: string, than: string): boolean {
  return number.localeCompare(than, 'en', { numeric: true }) > 0;
}
