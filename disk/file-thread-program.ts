import type * as fs from 'node:fs';
import type * as threads from 'node:worker_threads';

/**
 * Jobs on their way to the thread, flat, for a message of many small objects costs more than the work: of a file that is
 * to be put its path, where its bytes lie in the tray and how many there are; of one that is to be renamed both names.
 */
export type FileJobs = readonly (string | number)[];

/** A job that did not end well. */
export interface FileJobFailure {
  /** Its place among those of its message. */
  readonly job: number;
  /** Of a put: the file is there by it. */
  readonly made: boolean;
  readonly code: string;
  readonly message: string;
}

/** null: all ended well. */
export type FileJobsAnswer = readonly FileJobFailure[] | null;

export interface FileThreadData {
  /** Bytes that are to be put, shared with who gives them. */
  readonly tray: SharedArrayBuffer;
  /** Seconds since the epoch that files are stamped with. */
  readonly stamp: number;
}

/**
 * The program of the thread: its text is what a Worker runs, so it sees nothing but what it is given. Each message of
 * jobs is answered by one that says which of them failed.
 */
export function fileThreadProgram({ parentPort, workerData }: typeof threads, system: typeof fs): void {
  const { tray: shared, stamp } = workerData as FileThreadData;
  const tray = Buffer.from(shared);
  const { O_WRONLY, O_CREAT, O_EXCL } = system.constants;
  /** The file that is being put is there by this thread. */
  let made = false;

  const put = (path: string, at: number, length: number): void => {
    const fd = system.openSync(path, O_WRONLY | O_CREAT | O_EXCL, 0o640);
    made = true;
    try {
      for (let done = 0; done < length;) done += system.writeSync(fd, tray, at + done, length - done, done);
      system.futimesSync(fd, stamp, stamp);
    } finally {
      system.closeSync(fd);
    }
  };

  parentPort?.on('message', (jobs: FileJobs) => {
    const failures: FileJobFailure[] = [];
    for (let at = 0, job = 0; at < jobs.length; job += 1) {
      made = false;
      const [path, next] = [jobs[at] as string, jobs[at + 1]];
      const isRename = typeof next === 'string';
      try {
        if (isRename) system.renameSync(path, next);
        else put(path, next as number, jobs[at + 2] as number);
      } catch (thrown) {
        const { code = 'EIO', message } = thrown as NodeJS.ErrnoException;
        failures.push({ job, made, code, message });
      }
      at += isRename ? 2 : 3;
    }
    parentPort.postMessage(failures.length === 0 ? null : failures, []);
  });
}
