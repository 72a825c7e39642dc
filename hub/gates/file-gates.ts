import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { asWaystationError } from '../../base/errors.ts';
import { runChild } from '../../solver/child.ts';
import type { BundlePackage } from './bundle.ts';
import type { Objection } from './finding.ts';
import { programIn } from './programs.ts';

/** What is asked of each package's file. */
export interface FileQuestions {
  /** Armored public keys; null: signatures do not matter. */
  readonly keys: readonly string[] | null;
  readonly changelog: boolean;
  readonly searchPath: readonly string[];
}

export interface FileObjections {
  readonly signedBy: readonly Objection[];
  readonly changelog: readonly Objection[];
}

/** Milliseconds for one file. */
const longest = 60_000;

/**
 * `signed-by` and `changelog`, by rpm's own programs on one file after the other. A signature has to be there, and be
 * made by one of the keys: rpm by itself takes unsigned packages for right.
 */
export async function fileObjections(
  packages: readonly BundlePackage[],
  { keys, changelog, searchPath }: FileQuestions,
  signal: AbortSignal,
): Promise<FileObjections> {
  const signedBy: Objection[] = [];
  const without: Objection[] = [];
  const [rpmkeys, rpm] = [await programIn(searchPath, 'rpmkeys'), await programIn(searchPath, 'rpm')];
  const missing = (name: string): Objection => ({ subject: '*', message: `cannot be told: ${name} is not installed` });
  if (keys !== null && rpmkeys === null) signedBy.push(missing('rpmkeys'));
  if (changelog && rpm === null) without.push(missing('rpm'));
  const folder = await mkdtemp(join(tmpdir(), 'waystation-gates-'));
  const run = async (program: string, ...words: string[]): Promise<{ code: number | null; text: string }> => {
    const options = { input: '', folder, environment: { HOME: folder, PATH: '/usr/bin:/bin', LC_ALL: 'C' } };
    const result = await runChild({ program, words, ...options, time: longest, mostOutput: 1_000_000 }, signal);
    return { code: result.code, text: `${result.output}${result.said}`.trim() };
  };
  const database = ['--dbpath', join(folder, 'db')];
  try {
    await mkdir(join(folder, 'db'));
    if (rpmkeys !== null)
      for (const [index, key] of (keys ?? []).entries()) {
        await writeFile(join(folder, `${index}.asc`), key);
        const { code, text } = await run(rpmkeys, ...database, '--import', join(folder, `${index}.asc`));
        if (code !== 0) signedBy.push({ subject: '*', message: `key ${index + 1} cannot be used: ${text}` });
      }
    const file = join(folder, 'package.rpm');
    for (const { text, repository, listed } of packages) {
      try {
        await pipeline(repository.read(listed), createWriteStream(file), { signal });
      } catch (thrown) {
        signal.throwIfAborted();
        const objection = { subject: text, message: `cannot be read: ${asWaystationError(thrown).message}` };
        if (keys !== null) signedBy.push(objection);
        if (changelog) without.push(objection);
        continue;
      }
      if (keys !== null && rpmkeys !== null) {
        const level = ['--define', '_pkgverify_level all', '--checksig', file];
        const { code } = await run(rpmkeys, ...database, ...level);
        if (code !== 0) signedBy.push({ subject: text, message: 'is not signed by any of the keys' });
      }
      if (changelog && rpm !== null) {
        const query = ['-qp', '--nosignature', '--queryformat', '[%{CHANGELOGTIME}\n]', file];
        const { code, text: times } = await run(rpm, ...database, ...query);
        if (code !== 0 || !/^\d+$/m.test(times)) without.push({ subject: text, message: 'has no changelog' });
      }
    }
    return { signedBy, changelog: without };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
