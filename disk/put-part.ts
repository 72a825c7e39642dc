import type { WritableFile } from './disk.ts';

/** What became of a file that was to be made of whole bytes. */
export interface Put {
  /** It is this call's own; whole unless there is an error. Otherwise nothing was touched. */
  readonly made: boolean;
  /** The system's; null with `made` false: there is such a file. */
  readonly error: unknown;
}

/** All of it is there, by this call. */
export const wholePut: Put = { made: true, error: null };

/** Puts bytes into a new file and stamps it, one call after the other. Never rejects. */
export async function putInSteps(make: () => Promise<WritableFile | null>, bytes: Buffer): Promise<Put> {
  let made = false;
  try {
    const part = await make();
    if (part === null) return { made, error: null };
    made = true;
    try {
      if (bytes.length > 0) await part.write([bytes], 0);
      await part.stamp();
    } finally {
      await part.close();
    }
    return wholePut;
  } catch (error) {
    return { made, error };
  }
}
