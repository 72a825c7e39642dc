import type * as fs from 'node:fs';
import type * as threads from 'node:worker_threads';

/** What the thread is given to do, in the order in which it is done. */
export type FileJob =
  | { readonly put: string; /** Where its bytes lie in the tray. */ readonly at: number; readonly length: number }
  | { readonly rename: string; readonly to: string };

/** How a job ended. */
export interface FileJobResult {
  /** Of a put: the file is there by it. */
  readonly made: boolean;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface FileThreadData {
  /** Bytes that are to be put, shared with who gives them. */
  readonly tray: SharedArrayBuffer;
  /** Seconds since the epoch that files are stamped with. */
  readonly stamp: number;
}

/**
 * The program of the thread: its text is what a Worker runs, so it sees nothing but what it is given. For a list of jobs
 * it answers with a list of results.
 */
export function fileThreadProgram({ parentPort, workerData }: typeof threads, system: typeof fs): void {
  const { tray: shared, stamp } = workerData as FileThreadData;
  const tray = Buffer.from(shared);
  const { O_WRONLY, O_CREAT, O_EXCL } = system.constants;

  const put = (path: string, at: number, length: number, made: () => void): void => {
    const fd = system.openSync(path, O_WRONLY | O_CREAT | O_EXCL, 0o640);
    made();
    try {
      for (let done = 0; done < length;) done += system.writeSync(fd, tray, at + done, length - done, done);
      system.futimesSync(fd, stamp, stamp);
    } finally {
      system.closeSync(fd);
    }
  };

  const result = (job: FileJob): FileJobResult => {
    let made = false;
    try {
      if ('put' in job) put(job.put, job.at, job.length, () => (made = true));
      else system.renameSync(job.rename, job.to);
      return { made, error: null };
    } catch (thrown) {
      const { code = 'EIO', message } = thrown as NodeJS.ErrnoException;
      return { made, error: { code, message } };
    }
  };

  parentPort?.on('message', (jobs: readonly FileJob[]) => parentPort.postMessage(jobs.map(result), []));
}
