import { execFileSync, spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { bundle, bundleLauncher } from './bundle.ts';
import { codeCache } from './code-cache.ts';
import { makeExecutable, nodeOptions } from './executable.ts';
import { checkLibraries } from './libraries.ts';
import { nativeAddons } from './native-addons.ts';

/**
 * `npm run build [-- FILE]`: makes dist/waystation, one executable for the platform that this runs on. FILE names
 * another place for it. Nothing is at that place until the executable is whole.
 */
const checkout = resolve(import.meta.dirname, '..');
const output = resolve(process.argv[2] ?? join(checkout, 'dist/waystation'));

await mkdir(dirname(output), { recursive: true });
const folder = await mkdtemp(join(dirname(output), '.build-'));
try {
  const addons = nativeAddons(checkout);
  const main = await bundle({ checkout, folder, addons, commit: commitOf(checkout) });
  const launcher = await bundleLauncher({ checkout, folder });
  const compiled = await codeCache({ main, folder, addons, nodeOptions });
  const made = await makeExecutable({ launcher, main, codeCache: compiled, folder, addons, nodeOptions });
  for (const file of [made, ...addons.map((addon) => addon.file)]) checkLibraries(file);
  console.log(versionOf(made));
  // A copy, written in one go, lies in one piece: the kernel then keeps 33 MB less of it in the memory of the process.
  const copied = join(folder, 'copied');
  await copyFile(made, copied);
  await rename(copied, output);
  const { size } = await stat(output);
  console.log(`${relative(process.cwd(), output)}: ${(size / 1e6).toFixed(1)} MB`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Starts it. @throws Error when it fails or complains. */
function versionOf(executable: string): string {
  const { status, stdout, stderr } = spawnSync(executable, ['--version'], { encoding: 'utf8', env: {} });
  if (status !== 0 || stderr !== '') throw new Error(`${executable} --version ended with ${status}: ${stderr}`);
  return stdout.trim();
}

/** What git says; null outside a clone (a source archive). */
function commitOf(directory: string): string | null {
  const words = ['describe', '--always', '--dirty', '--exclude=*', '--abbrev=12'];
  try {
    const said = execFileSync('git', words, { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return said.trim();
  } catch {
    return null;
  }
}
