/** Bytes on their way to a client: a file, a fill that still grows, or memory. */
export interface ByteSource {
  /** Length of the whole in bytes; null while nobody knows it (an unlisted file without a length). */
  readonly size: number | null;
  /**
   * Reads up to `length` bytes at `position` into the start of `buffer`; waits for bytes that have not arrived.
   * @returns how many bytes; 0 only at the end of a source whose size is null.
   * @throws WaystationError when the bytes cannot be had: the client must then be cut short of the end.
   */
  read(buffer: Buffer, position: number, length: number): Promise<number>;
  /** The client needs it no longer. Called once, always. */
  release(): void;
}
