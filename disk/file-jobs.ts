import type { Renaming } from './rename-each.ts';
import { wholePut } from './put-part.ts';
import type { Put } from './put-part.ts';

/** How a job failed. */
export interface Failure {
  /** Of a put: the file is there by it. */
  readonly made: boolean;
  readonly code: string;
  readonly message: string;
}

/** A file that is to be put. Its bytes wait here until there is room for them on the tray. */
export class PutJob {
  readonly path: string;
  bytes: Buffer | null;
  readonly length: number;
  at = 0;
  readonly #resolve: (put: Put) => void;

  constructor(path: string, bytes: Buffer, resolve: (put: Put) => void) {
    this.path = path;
    this.bytes = bytes;
    this.length = bytes.length;
    this.#resolve = resolve;
  }

  done(failure: Failure | null): void {
    if (failure === null) return this.#resolve(wholePut);
    const { made, code } = failure;
    this.#resolve({ made, error: !made && code === 'EEXIST' ? null : systemError(failure) });
  }
}

/** Files that are to be given their names. */
export class RenameJob {
  readonly names: readonly Renaming[];
  readonly #resolve: (errors: readonly (Error | null)[]) => void;

  constructor(names: readonly Renaming[], resolve: (errors: readonly (Error | null)[]) => void) {
    this.names = names;
    this.#resolve = resolve;
  }

  /** @param failureOf that of one of them, by its place among all. */
  done(failureOf: (place: number) => Failure | null): void {
    this.#resolve(
      this.names.map((_, place) => {
        const failure = failureOf(place);
        return failure === null ? null : systemError(failure);
      }),
    );
  }
}

export type Job = PutJob | RenameJob;

/** Jobs as the thread takes them. */
export function messageOf(batch: readonly Job[]): (string | number)[] {
  const message: (string | number)[] = [];
  for (const job of batch)
    if (job instanceof PutJob) message.push(job.path, job.at, job.length);
    else for (const { from, to } of job.names) message.push(from, to);
  return message;
}

function systemError({ code, message }: { readonly code: string; readonly message: string }): Error {
  return Object.assign(new Error(message), { code });
}
