/**
 * What a package is by the name of its file, as `rpmbuild` names them: `name-version-release.arch.rpm`. Good for saying
 * which packages are versions of one another; metadata alone says what a package really is.
 */
export interface PackageFile {
  /** `name.arch`, such as `bash.x86_64`. */
  readonly nameArch: string;
  readonly version: string;
  readonly release: string;
}

/** @param href of a package in its repository. @returns null when it is not named so. */
export function packageFile(href: string): PackageFile | null {
  const start = href.lastIndexOf('/') + 1;
  const end = href.length - '.rpm'.length;
  if (!href.endsWith('.rpm')) return null;
  const arch = href.lastIndexOf('.', end - 1);
  const release = href.lastIndexOf('-', arch);
  const version = href.lastIndexOf('-', release - 1);
  if (version <= start || release <= version + 1 || arch <= release + 1 || arch + 1 >= end) return null;
  return {
    nameArch: `${href.slice(start, version)}.${href.slice(arch + 1, end)}`,
    version: href.slice(version + 1, release),
    release: href.slice(release + 1, arch),
  };
}
