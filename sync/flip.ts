import type { Guard, RepositoryDocument } from '../base/generation.ts';
import type { Repositories } from './generation-document.ts';

export type Flip = 'each' | 'together';

/** What the rules of flipping need to know of one repository that the hub wants carried. */
export interface FlipMember {
  readonly path: string;
  readonly guard: Guard | null;
  readonly scope: string;
  /** What was proven last, since or before the current generation; null: never. */
  readonly proven: RepositoryDocument | null;
  /** Whether its last read, in the pass at hand, succeeded. */
  readonly sound: boolean;
}

export interface FlipInput {
  readonly flip: Flip;
  readonly current: Repositories;
  readonly members: readonly FlipMember[];
  /** See `HubClient.authoritative`. */
  readonly authoritative: boolean;
  /** Paths whose change has to wait for clients that just read their repomd.xml. */
  readonly waiting: ReadonlySet<string>;
  /** Paths of `current` that another subscription serves by now. */
  readonly given: ReadonlySet<string>;
}

/**
 * What the subscription should serve now (design §2, Flip).
 *
 * `each`: every member at what it proved last; one that failed keeps what it had. `together`: all at what they proved
 * if all are sound and none has to wait, else none moves. What left the hub's list stays in either case. A guard that
 * appeared closes its path at once, whatever else has to wait.
 */
export function compose(input: FlipInput): Repositories {
  const held = input.flip === 'together' && input.members.some((member) => !member.sound || waits(input, member.path));
  const repositories: Record<string, RepositoryDocument> = {};
  for (const [path, document] of Object.entries(input.current)) {
    if (!input.given.has(path)) repositories[path] = document;
  }
  for (const member of input.members) {
    const { path } = member;
    if (input.given.has(path)) continue;
    const served = input.current[path] ?? null;
    const document = held || waits(input, path) ? served : (member.proven ?? served);
    if (document !== null) repositories[path] = withGuard(document, served, member, input.authoritative);
  }
  return repositories;
}

function waits(input: FlipInput, path: string): boolean {
  return input.waiting.has(path);
}

/**
 * A hub that stops guarding opens nothing by itself: the guard stays in the document. Where the list is the operator's
 * own configuration, it goes once the content was proven without the credentials.
 */
function withGuard(
  document: RepositoryDocument,
  served: RepositoryDocument | null,
  member: FlipMember,
  authoritative: boolean,
): RepositoryDocument {
  const last = served?.guard ?? document.guard;
  const lifted = authoritative && document.scope === member.scope;
  return { ...document, guard: member.guard ?? (lifted ? null : last) };
}

/**
 * Whether a name means other bytes after the change than before (records named without their checksum, images of a tree):
 * a client that just read the old repomd.xml or .treeinfo would get the wrong ones.
 */
export function reusesNames(before: RepositoryDocument, after: RepositoryDocument): boolean {
  // Plain files hardly ever tell in their names what they are.
  if (after.content === 'file') return before.content === 'file' && before.repomd.digest !== after.repomd.digest;
  const images = Object.entries(after.tree?.files ?? {});
  if (images.some(([href, digest]) => (before.tree?.files[href] ?? digest) !== digest)) return true;
  return Object.entries(after.records).some(([href, listed]) => {
    const old = before.records[href];
    return old !== undefined && old.digest !== listed.digest;
  });
}
