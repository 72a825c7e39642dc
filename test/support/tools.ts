import { accessSync, constants, globSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Something of the machine that a suite cannot do without. */
export interface Requirement {
  /** Null when it is there, else what is missing and how to get it, for people. */
  readonly missing: string | null;
}

/**
 * A command of Debian that the suites use.
 * @param name as in the first column of tools.txt; one that is not listed there could not be installed, so it throws.
 */
export function tool(name: string): Requirement {
  const debianPackage = packages.get(name);
  if (debianPackage === undefined) throw new Error(`${name} is not in test/support/tools.txt`);
  if (installed(name)) return { missing: null };
  return { missing: `${name} is missing (\`npm run test:tools\` installs ${debianPackage})` };
}

/** The rights of root: for installing into a root directory, for mounts. */
export const root: Requirement = { missing: process.getuid?.() === 0 ? null : 'it needs root' };

/**
 * A suite that needs parts of the machine. Without them it counts as skipped, and its title says why; where
 * WAYSTATION_REQUIRE_TOOLS is set (continuous integration) it fails instead.
 */
export function describeWith(requirements: readonly Requirement[], title: string, suite: () => void): void {
  const reasons = requirements.flatMap(({ missing }) => missing ?? []);
  if (reasons.length > 0 && process.env['WAYSTATION_REQUIRE_TOOLS'] === '1') {
    describe(title, () => {
      test('has what it needs', () => expect(reasons).toEqual([]));
    });
    return;
  }
  describe.skipIf(reasons.length > 0)(reasons.length > 0 ? `${title} [${reasons.join('; ')}]` : title, suite);
}

const packages = new Map(
  readFileSync(join(import.meta.dirname, 'tools.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(/ +/) as [string, string]),
);

function installed(name: string): boolean {
  if (name.startsWith('/')) return globSync(name).length > 0;
  // Debian keeps nginx where only root's PATH looks.
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => isExecutable(join(folder, name)));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
