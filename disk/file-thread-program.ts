import type * as fs from 'node:fs';
import type * as threads from 'node:worker_threads';
import type { PlainProgram } from '../base/plain-get.ts';
import type { GetsMessage } from './thread-gets.ts';

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
 * jobs is answered by one that says which of them failed; GETs are answered as they end.
 */
export function fileThreadProgram(
  { parentPort, workerData }: typeof threads,
  system: typeof fs,
  getting: { readonly program: PlainProgram; readonly load: (module: string) => unknown } | null = null,
): void {
  const { tray: shared, stamp } = workerData as FileThreadData;
  const tray = Buffer.from(shared);
  const { O_WRONLY, O_CREAT, O_EXCL } = system.constants;
  /** The file that is being put is there by this thread. */
  let made = false;

  const put = (path: string, bytes: Buffer, at: number, length: number): void => {
    made = false;
    const fd = system.openSync(path, O_WRONLY | O_CREAT | O_EXCL, 0o640);
    made = true;
    try {
      for (let done = 0; done < length;) done += system.writeSync(fd, bytes, at + done, length - done, done);
      system.futimesSync(fd, stamp, stamp);
    } finally {
      system.closeSync(fd);
    }
  };

  /** @returns why it is not put: nothing of it is there, unless it is `lost`. */
  const putOrNothing = (path: string, bytes: Buffer, at: number, length: number): 'unputtable' | 'lost' | null => {
    try {
      put(path, bytes, at, length);
      return null;
    } catch {
      try {
        if (made) system.unlinkSync(path);
        return 'unputtable';
      } catch {
        return 'lost';
      }
    }
  };

  /** GETs that did not end yet, and ends that were not told. */
  let underWay = 0;
  let ended: (string | number | Uint8Array | null)[] = [];
  let telling: NodeJS.Timeout | null = null;
  const tell = (): void => {
    if (telling !== null) clearTimeout(telling);
    telling = null;
    parentPort?.postMessage({ ended }, []);
    ended = [];
  };
  const gets = getting?.program(getting.load, {
    put: putOrNothing,
    ended: (number, { failure, date, received, proven }) => {
      underWay -= 1;
      ended.push(number, failure, date, received, proven);
      // Those that are under way together are told together, for each message costs two wake-ups; none waits for long.
      if (underWay === 0) tell();
      else telling ??= setTimeout(tell, 2);
    },
  });

  const get = ({ places, gets: jobs, cut }: GetsMessage): void => {
    for (const [number, place] of places) gets?.place(number, place);
    underWay += jobs.length / 6;
    for (let at = 0; at < jobs.length; at += 6) {
      gets?.get({
        number: jobs[at] as number,
        place: jobs[at + 1] as number,
        target: jobs[at + 2] as string,
        path: jobs[at + 3] as string,
        size: jobs[at + 4] as number,
        sha256: jobs[at + 5] as string,
      });
    }
    if (cut) gets?.cut();
  };

  const work = (jobs: FileJobs): void => {
    const failures: FileJobFailure[] = [];
    for (let at = 0, job = 0; at < jobs.length; job += 1) {
      made = false;
      const [path, next] = [jobs[at] as string, jobs[at + 1]];
      const isRename = typeof next === 'string';
      try {
        if (isRename) system.renameSync(path, next);
        else put(path, tray, next as number, jobs[at + 2] as number);
      } catch (thrown) {
        const { code = 'EIO', message } = thrown as NodeJS.ErrnoException;
        failures.push({ job, made, code, message });
      }
      at += isRename ? 2 : 3;
    }
    parentPort?.postMessage(failures.length === 0 ? null : failures, []);
  };

  parentPort?.on('message', (message: FileJobs | GetsMessage) => {
    if ('gets' in message) get(message);
    else work(message);
  });
}
