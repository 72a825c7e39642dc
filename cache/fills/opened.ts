import type { ByteSource } from '../../base/body.ts';

/** A client's view of a fill. */
export interface OpenedFill {
  readonly source: ByteSource;
  /** `hit`: the fill had proven the whole file before this request came, and is only being named. */
  readonly outcome: 'hit' | 'miss' | 'collapsed' | 'bypass';
}

/** A single range, passed through ahead of the fill. */
export interface OpenedSlice {
  readonly source: ByteSource;
  readonly outcome: 'partial';
}
