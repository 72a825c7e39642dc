/**
 * Small files by plain GETs, as ports: an origin says how one is asked for, and a disk that can has it fetched, proven and
 * put by its own thread, without a step of this one for each chunk. Everything unusual is a failure, after which the file
 * is transferred the ordinary way.
 */

/** Where plain GETs go, and what all of them say. One object for each, for as long as it is true. */
export interface PlainPlace {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Speak TLS, with the system's authorities. */
  readonly secure: boolean;
  /** The lines behind the request line, with the empty one; a character for each byte. */
  readonly fields: string;
}

/**
 * Why a plain GET did not put its file. `missing`: 404 or 410. `refused`: another status than 200. `odd`: an answer that
 * needs more than a look. `wrong`: other bytes than listed. `late`: too slow for this way. `cut`: no connection, or one
 * that broke off. `unputtable`: proven, but the file could not be made. `lost`: whatever, the thread has ended,
 * or did not get rid of what it made of the file.
 */
export const plainFailures = ['missing', 'refused', 'odd', 'wrong', 'late', 'cut', 'unputtable', 'lost'] as const;
export type PlainFailure = (typeof plainFailures)[number];

/** What came of a plain GET. */
export interface PlainEnd {
  /** null: the file is put, whole and proven. */
  readonly failure: PlainFailure | null;
  /** The Date field of the answer, where it is another than that of the answer before, and the origin's own. */
  readonly date: string | null;
  /** Bytes that came. */
  readonly received: number;
  /** With `unputtable`: the proven bytes. */
  readonly proven: Buffer | null;
}

/** A whole file by one GET, for who sends it as it is, and tells its end once. */
export interface PlainRequest {
  readonly place: PlainPlace;
  /** What is asked for on the request line. */
  readonly target: string;
  /** The URL, fit for logs. */
  readonly source: string;
  ended(end: PlainEnd): void;
}

/** A GET, as the thread is told of it. */
export interface PlainJob {
  readonly number: number;
  /** Number of its place. */
  readonly place: number;
  readonly target: string;
  /** Of the file that is to be made. */
  readonly path: string;
  readonly size: number;
  /** In lower-case hexadecimal. */
  readonly sha256: string;
}

/** What the thread gives those who send GETs in it. */
export interface PlainThread {
  /** Makes the file of bytes in a buffer, stamped. @returns null when it is there, whole, by this call. */
  put(path: string, bytes: Buffer, at: number, length: number): 'unputtable' | 'lost' | null;
  ended(number: number, end: PlainEnd): void;
}

/** GETs that are under way in the thread. */
export interface PlainGets {
  /** A place, before the first job that names it. */
  place(number: number, place: PlainPlace): void;
  get(job: PlainJob): void;
  /** Gives up what is under way. */
  cut(): void;
}

/** Sends GETs. Its text runs in a thread of its own, so it sees nothing but what it is given. @param load as `require`. */
export type PlainProgram = (load: (module: string) => unknown, thread: PlainThread) => PlainGets;
