import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { succeed } from './command.ts';
import { tool } from './tools.ts';
import type { Requirement } from './tools.ts';

/** The right to mount file systems, which root of a container may lack: found out by trying. */
export const mounts: Requirement = { missing: triedMount() ? null : 'it needs the right to mount file systems' };

/** The right and the means to mount an ext4 file system that is in a file. */
export const loopDevices: Requirement = {
  missing: tool('mkfs.ext4').missing ?? (triedLoop() ? null : 'it needs the right to mount loop devices'),
};

function triedMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'waystation-mount-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status === 0;
  if (mounted) spawnSync('umount', [folder]);
  rmdirSync(folder);
  return mounted;
}

function triedLoop(): boolean {
  if (mounts.missing !== null) return false;
  const folder = mkdtempSync(join(tmpdir(), 'waystation-mount-'));
  const [image, at] = [join(folder, 'image'), mkdtempSync(join(folder, 'at-'))];
  writeFileSync(image, '');
  truncateSync(image, 4 << 20);
  const made = spawnSync('mkfs.ext4', ['-q', image]).status === 0;
  const mounted = made && spawnSync('mount', ['-o', 'loop', image, at]).status === 0;
  if (mounted) spawnSync('umount', [at]);
  rmSync(folder, { recursive: true });
  return mounted;
}

/**
 * A small file system in memory, at an existing folder; unmounted when disposed of.
 * @param size as mount takes it. @param files how many it can hold, folders included.
 */
export async function smallFileSystem(folder: string, size: string, files?: number): Promise<AsyncDisposable> {
  const options = files === undefined ? `size=${size}` : `size=${size},nr_inodes=${files}`;
  await succeed('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  return unmounting(folder);
}

/** An ext4 file system in a file, at an existing folder. @param files how many it can hold, folders included. */
export async function ext4FileSystem(folder: string, bytes: number, files: number): Promise<AsyncDisposable> {
  const image = join(await mkdtemp(join(tmpdir(), 'waystation-image-')), 'ext4');
  await writeFile(image, '');
  await truncate(image, bytes);
  await succeed('mkfs.ext4', ['-q', '-m', '0', '-N', String(files), image]);
  await succeed('mount', ['-o', 'loop,errors=remount-ro', image, folder]);
  const mounted = unmounting(folder);
  return {
    [Symbol.asyncDispose]: async () => {
      await mounted[Symbol.asyncDispose]();
      await rm(join(image, '..'), { recursive: true });
    },
  };
}

/** Makes a file system of its own read-only, or writable again, while files of it are open. */
export async function remounted(folder: string, how: 'ro' | 'rw'): Promise<void> {
  await succeed('mount', ['-o', `remount,${how}`, folder]);
}

/** What a driver error does to an ext4 file system: read-only for good, whoever has files of it open. */
export async function failedFileSystem(folder: string): Promise<void> {
  const device = (await succeed('findmnt', ['--noheadings', '--output', 'SOURCE', folder])).trim();
  await writeFile(`/sys/fs/ext4/${basename(device)}/trigger_fs_error`, '1');
}

/** Makes a folder read-only for everybody, root included, until disposed of. */
export async function readOnly(folder: string): Promise<AsyncDisposable> {
  await succeed('mount', ['--bind', folder, folder]);
  await succeed('mount', ['-o', 'remount,ro,bind', folder]);
  return unmounting(folder);
}

function unmounting(folder: string): AsyncDisposable {
  return { [Symbol.asyncDispose]: async () => void (await succeed('umount', ['--lazy', folder])) };
}
