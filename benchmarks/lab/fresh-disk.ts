import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { output } from './processes.ts';

/** Bytes beside those of the files: for the journal, inodes, and what `keepFree` leaves. */
const spare = 2e9;

/**
 * A new ext4 file system in a file below `work`, mounted at a folder of its own; both are gone when it is disposed of.
 * Needs the right to mount loop devices.
 */
export class FreshDisk implements AsyncDisposable {
  readonly folder: string;
  readonly #image: string;

  private constructor(folder: string, image: string) {
    this.folder = folder;
    this.#image = image;
  }

  /** @param bytes that it has to hold. @throws when it cannot be mounted. */
  static async mount(work: string, name: string, bytes: number): Promise<FreshDisk> {
    const [folder, image] = [join(work, name), join(work, `${name}.ext4`)];
    mkdirSync(folder);
    writeFileSync(image, '');
    truncateSync(image, Math.ceil(bytes * 1.3 + spare));
    // Whole from the start: no kernel thread goes on with it while something is measured.
    await output('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image]);
    await output('mount', ['-o', 'loop,noatime', image, folder]);
    // A benchmark that fails disposes of nothing.
    const disk = new FreshDisk(folder, image);
    process.once('exit', disk.#atExit);
    return disk;
  }

  /** Makes all that is on it durable. @returns milliseconds that it took. */
  async sync(): Promise<number> {
    const began = performance.now();
    await output('sync', ['-f', this.folder]);
    return performance.now() - began;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#atExit);
    await output('umount', [this.folder]);
    this.#remove();
  }

  readonly #atExit = (): void => {
    execFileSync('umount', ['-l', this.folder]);
    this.#remove();
  };

  #remove(): void {
    rmSync(this.#image, { force: true });
    rmSync(this.folder, { recursive: true, force: true });
  }
}
