/** The 12 flag bits of an entry of the blob index. */
export const flag = {
  /** Which algorithm its digest is of. */
  algorithm: 0b111,
  /** How often it was asked for lately, 0 to 3. */
  useShift: 3,
  use: 0b11 << 3,
  /** No entry any more: only its place in the queue is left. */
  dead: 1 << 5,
  /** The file has, or had, another name: removing one may free nothing. */
  linked: 1 << 6,
  /** A sync counts on it and has not published yet. */
  kept: 1 << 7,
  /** Full policy, pinned, or metadata: never evicted. */
  protected: 1 << 8,
  /** Seen to be referred to, in the pass that is under way or was the last. */
  marked: 1 << 9,
  /** Protected by the pass that is under way. */
  protectedNext: 1 << 10,
  /** Seen on disk since start. */
  confirmed: 1 << 11,
} as const;

/** Neither may be taken to make room. */
export const heldBack = flag.kept | flag.protected;
