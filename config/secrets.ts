import { constants, open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { inspect } from 'node:util';
import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import { WaystationError, systemCode } from '../base/errors.ts';
import type { FileReference } from './file-reference.ts';

/** The content of a file that may change while the service runs. Printing it, in whatever way, shows `[secret]`. */
export interface Secret {
  /**
   * The text as the file has it now (looked at again at most once a second), without one trailing line end.
   * @throws WaystationError `secret_unreadable`, which names the file and never what is in it.
   */
  read(): Promise<string>;
  /** `[secret]` */
  toString(): string;
}

/** Milliseconds between two looks at the file. */
const lookEvery = 1000;
/** Bytes; a bundle of all public certificate authorities has a quarter of it. */
const largest = 1024 * 1024;

/** The secret behind a file that the configuration names. The file need not exist yet. */
export function secretFile(reference: FileReference, clock: Clock = systemClock): Secret {
  return new SecretFile(reference, clock);
}

interface Seen {
  readonly text: string;
  /** Identity of the bytes that were read. */
  readonly stamp: string;
  /** False when the file was so young that a second write could carry the same time. */
  readonly settled: boolean;
}

class SecretFile implements Secret {
  readonly #reference: FileReference;
  readonly #clock: Clock;
  #seen: Seen | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<string> | null = null;

  constructor(reference: FileReference, clock: Clock) {
    this.#reference = reference;
    this.#clock = clock;
  }

  async read(): Promise<string> {
    if (this.#seen !== null && this.#clock.monotonic() - this.#lookedAt < lookEvery) return this.#seen.text;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<string> {
    const started = this.#clock.monotonic();
    const [path, handle] = await openFirst(this.#reference);
    await using file = handle;
    try {
      const seen = await readIfChanged(path, file, this.#seen, this.#clock.now());
      this.#seen = seen;
      // Only a look that succeeds counts: a file that went away must not go on opening doors.
      this.#lookedAt = started;
      return seen.text;
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

async function openFirst({ name, candidates }: FileReference): Promise<[string, FileHandle]> {
  for (const path of candidates) {
    try {
      // Non-blocking, so that a named pipe in the file's place cannot hold the service.
      return [path, await open(path, constants.O_RDONLY | constants.O_NONBLOCK)];
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) throw unreadable(path, error);
    }
  }
  throw new WaystationError(
    'secret_unreadable',
    `secret file ${name} does not exist: looked for ${candidates.join(' and ')}`,
  );
}

async function readIfChanged(path: string, file: FileHandle, before: Seen | null, now: number): Promise<Seen> {
  const status = await file.stat({ bigint: true });
  if (!status.isFile()) throw new Error('not a regular file');
  if (status.size > largest) throw new Error(`larger than ${largest} bytes`);
  const stamp = [path, status.dev, status.ino, status.size, status.mtimeNs, status.ctimeNs].join(' ');
  if (before?.settled === true && before.stamp === stamp) return before;
  const text = (await file.readFile('utf8')).replace(/\r?\n$/, '');
  return { text, stamp, settled: Math.abs(now - Number(status.ctimeMs)) > lookEvery };
}

function unreadable(path: string, error: unknown): WaystationError {
  const reason = systemCode(error) ?? (error instanceof Error ? error.message : 'unknown');
  return new WaystationError('secret_unreadable', `secret file ${path} cannot be read: ${reason}`, { cause: error });
}
