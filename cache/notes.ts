import type { Level } from 'level';
import type { Logger } from '../base/log.ts';
import type { Disk } from './disk/disk.ts';
import type { Layout } from './disk/layout.ts';

/** Small facts by key that may be lost at any time without serving anything wrong or less. */
export interface Notes {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
  close(): Promise<void>;
}

/** Notes that last as long as the process: when the disk cannot keep them. */
export function memoryNotes(): Notes {
  const notes = new Map<string, unknown>();
  return {
    get: async (key) => notes.get(key) ?? null,
    put: async (key, value) => void notes.set(key, value),
    close: async () => {},
  };
}

/**
 * Notes in LevelDB below `index/`. One that will not open is moved aside and begun anew; when that fails too, notes are
 * kept in memory. Opening goes on in the background: nothing that is served waits for it.
 */
export function openNotes(disk: Disk, layout: Layout, log: Logger): Notes {
  const opened = openLevel(layout.index)
    .catch(async (error: unknown) => {
      const aside = `${layout.index}.damaged`;
      log.warn({ path: layout.index, error: reason(error) }, 'the index will not open; moved aside and begun anew');
      await removeTree(disk, aside);
      await disk.rename(layout.index, aside);
      return openLevel(layout.index);
    })
    .catch((error: unknown) => {
      log.warn({ path: layout.index, error: reason(error) }, 'the index cannot be kept on disk; notes stay in memory');
      return null;
    });
  const instead = memoryNotes();
  let writing = Promise.resolve();
  const write = async (key: string, value: unknown): Promise<void> => {
    const level = await opened;
    if (level === null) return instead.put(key, value);
    await level.put(key, value).catch((error: unknown) => log.warn({ error: reason(error) }, 'a note was not kept'));
  };
  return {
    async get(key) {
      const level = await opened;
      if (level === null) return instead.get(key);
      return (await level.get(key).catch(() => null)) ?? null;
    },
    put(key, value) {
      // One after the other: LevelDB writes on several threads, and of two notes under one key the later must stay.
      writing = writing.then(() => write(key, value));
      return writing;
    },
    async close() {
      await writing;
      await (await opened)?.close();
    },
  };
}

async function openLevel(path: string): Promise<Level<string, unknown>> {
  // Loaded when first needed: the native addon takes its time.
  const { Level } = await import('level');
  const level = new Level<string, unknown>(path, { valueEncoding: 'json' });
  await level.open();
  return level;
}

async function removeTree(disk: Disk, path: string): Promise<void> {
  const { rm } = await import('node:fs/promises');
  if ((await disk.facts(path)) !== null) await rm(path, { recursive: true, force: true });
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
