import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { succeed } from './command.ts';
import type { Requirement } from './tools.ts';

/** The right to mount file systems, which root of a container may lack: found out by trying. */
export const mounts: Requirement = { missing: triedMount() ? null : 'it needs the right to mount file systems' };

function triedMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'waystation-mount-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status === 0;
  if (mounted) spawnSync('umount', [folder]);
  rmdirSync(folder);
  return mounted;
}

/** A small file system in memory, at an existing folder; unmounted when disposed of. */
export async function smallFileSystem(folder: string, size: string): Promise<AsyncDisposable> {
  await succeed('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  return unmounting(folder);
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
