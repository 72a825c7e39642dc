import { closeSync, writeFileSync } from 'node:fs';

/** memfd_create(2). Kernels before 6.3 do not know the second flag; some newer ones demand it. */
const closeOnExec = 0x1;
const executable = 0x10;

/**
 * A file without a name in any file system, which a mount's `noexec` does not concern.
 * @returns a path that opens it for as long as this process lives.
 * @throws Error when the kernel refuses.
 */
export function fileInMemory(name: string, bytes: Buffer): string {
  const { dlopen } = process.getBuiltinModule('node:ffi');
  using library = dlopen(null, { memfd_create: { arguments: ['string', 'u32'], return: 'i32' } });
  const { memfd_create: create } = library.functions;
  let file = create(name, closeOnExec | executable);
  if (file < 0) file = create(name, closeOnExec);
  if (file < 0) throw new Error('memfd_create is refused');
  try {
    writeFileSync(file, bytes);
  } catch (error) {
    closeSync(file);
    throw error;
  }
  return `/proc/self/fd/${file}`;
}
