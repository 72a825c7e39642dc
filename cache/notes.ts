/** Small facts by key that may be lost at any time without serving anything wrong or less. */
export interface Notes {
  /** null: there is no such note, or it cannot be read. */
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
  close(): Promise<void>;
}

/** Notes that last as long as the process. */
export function memoryNotes(): Notes {
  const notes = new Map<string, unknown>();
  return {
    get: async (key) => notes.get(key) ?? null,
    put: async (key, value) => void notes.set(key, value),
    close: async () => {},
  };
}
