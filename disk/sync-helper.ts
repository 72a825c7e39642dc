import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

/** Milliseconds; what takes longer is taken not to come. */
const patience = 60_000;

/** For each line on its input, a path, one on its output: whether that file system was synced. */
const script = 'while IFS= read -r folder; do if sync -f "$folder"; then echo done; else echo failed; fi; done';

/**
 * A shell that runs `sync -f` whenever it is told to. Forking this process for each would stop it for milliseconds each
 * time, since it is large, and clients with it; the shell is small. It ends with this process, which it does not keep
 * alive.
 */
export class SyncHelper {
  readonly #child: ChildProcess;
  #ended = false;
  #waiting: ((done: boolean) => void) | null = null;

  constructor() {
    this.#child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.on('error', () => this.#end());
    this.#child.on('close', () => this.#end());
    this.#child.stdin?.on('error', () => this.#end());
    this.#child.stdout?.on('data', (answer: Buffer) => this.#answered(answer.toString().startsWith('done')));
    this.#child.unref();
    // Pipes are sockets, whatever their types say.
    for (const pipe of [this.#child.stdin, this.#child.stdout]) (pipe as { unref?: () => void } | null)?.unref?.();
  }

  /** It is not there any more, or does not answer: another one has to be made. */
  get ended(): boolean {
    return this.#ended;
  }

  /** One at a time. @param folder on the file system; without a newline. @returns whether all of it is durable. */
  sync(folder: string): Promise<boolean> {
    if (this.#ended || folder.includes('\n')) return Promise.resolve(false);
    return new Promise((resolve) => {
      // Keeps the process alive meanwhile: somebody waits for the answer.
      const timer = setTimeout(() => this.#end(), patience);
      this.#waiting = (done) => {
        clearTimeout(timer);
        resolve(done);
      };
      this.#child.stdin?.write(`${folder}\n`);
    });
  }

  #answered(done: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.(done);
  }

  #end(): void {
    this.#ended = true;
    this.#child.kill('SIGKILL');
    this.#answered(false);
  }
}
