import { WaystationError } from '../base/errors.ts';
import type { Nevra } from './nevra.ts';

/** An installed package; `epoch` is null where the list does not say it, as that of plain `rpm -qa`. */
export type InstalledPackage = Omit<Nevra, 'epoch'> & { readonly epoch: string | null };

/** More than any host has. */
const maxPackages = 100_000;

/** Keys are no packages, although rpm lists them among these. */
const keyName = 'gpg-pubkey';

const nevra =
  /^(?:(?<before>\d+|\(none\)):)?(?<name>[^\s:/]+)-(?:(?<epoch>\d+|\(none\)):)?(?<version>[^\s:/-]+)-(?<release>[^\s:/-]+?)(?:\.(?<arch>[A-Za-z0-9_]+|\(none\)))?(?:\.rpm)?$/;

/**
 * Reads a host's list of packages, one NEVRA a line as `rpm -qa` prints it: with an epoch before the name, before the
 * version, or nowhere. Empty lines, what follows a `#`, and keys are passed over; a package that comes twice counts once.
 * @throws WaystationError `bad_request` that names the first line which is none of these.
 */
export function parseInstalledList(text: string): readonly InstalledPackage[] {
  const packages = new Map<string, InstalledPackage>();
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    const words = line.replace(/#.*$/, '').trim();
    if (words === '') continue;
    const groups = nevra.exec(words)?.groups;
    if (groups?.['name'] === keyName) continue;
    const { name, version, release, arch } = groups ?? {};
    if (name === undefined || version === undefined || release === undefined || arch === undefined)
      throw new WaystationError(
        'bad_request',
        `line ${index + 1} of the host's list is no package such as bash-5.1.8-9.el9.x86_64: ${words.slice(0, 100)}`,
      );
    const epoch = epochOf(groups?.['epoch'] ?? groups?.['before']);
    packages.set(words, { name, epoch, version, release, arch });
    if (packages.size > maxPackages)
      throw new WaystationError('bad_request', `the host's list has more than ${maxPackages} packages`);
  }
  return [...packages.values()];
}

/** rpm writes `(none)` where a package has none, which counts as 0. */
function epochOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  return text === '(none)' ? '0' : String(BigInt(text));
}
