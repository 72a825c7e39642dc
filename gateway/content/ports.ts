import type { Digest } from '../../base/digest.ts';
import type { Guard } from '../../base/generation.ts';
import type { Supplier } from '../../base/transfer.ts';

/** A repository that is subscribed, but was never published here. */
export interface Pending {
  readonly repository: string;
  readonly guard: Guard | null;
  /** For people. */
  readonly reason: string;
}

/** What content serving asks of the rest of the program; answered from memory, at once. */
export interface ContentPorts {
  /**
   * Who gives a repository's bytes to this possession scope; null when nobody is configured any more (an orphaned
   * repository), or when another identity is used by now: its bytes must not be held as this one's.
   */
  supplier(repository: string, scope: string): Supplier | null;
  /** The operator's rule for a repository: null when there is none. */
  access(repository: string): 'open' | 'deny' | null;
  /** Whether a hub wants this file, as metadata lists it, not to be served. Asked of every request that is not hot. */
  denied(digest: Digest): boolean;
  /** Why a path that is subscribed, but was never published here, cannot be served yet; null for any other path. */
  pending(path: string): Pending | null;
  /** Whether the repository's repomd.xml is past its lifetime because its upstream cannot be reached. */
  stale(repository: string): boolean;
  /** SIGTERM came: new requests on open connections are refused. */
  draining(): boolean;
}
