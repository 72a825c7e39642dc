import { WaystationError } from '../base/errors.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import type { WantedRepository } from '../mirror/discovery.ts';
import { variantPath } from '../yum/treeinfo.ts';
import type { Member } from './member.ts';
import type { PassContext } from './pass.ts';
import type { Run } from './run.ts';

interface TreeRead {
  readonly run: Run;
  readonly member: Member;
  readonly repository: WantedRepository;
  readonly document: RepositoryDocument;
  readonly context: Pick<PassContext, 'parts' | 'options'>;
  /** See `fetchPackages`. */
  readonly ahead: () => void;
}

/**
 * Holds a repository's installation tree to its policy: whatever fetches packages ahead fetches the tree's files as well.
 * What the upstream does not have as its `.treeinfo` says is named in the run and holds nothing back.
 * @throws WaystationError that sums up what is missing and may come; the next read goes on with it.
 */
export async function fetchTree(read: TreeRead, signal: AbortSignal): Promise<void> {
  const { run, member, repository, document, context } = read;
  if (document.tree === undefined || context.options.policyOf(member.path) === 'on-demand') return;
  read.ahead();
  const thorough = run.requested || run.forces(member.path);
  const progress = run.packages(() => {});
  const { missing, wrong } = await context.parts.trees.fetch({ repository, document, thorough, progress }, signal);
  for (const { href, error } of [...missing, ...wrong]) {
    const path = `${member.path}/${href}`;
    run.failed({ path, code: error.code, reason: error.message, attempts: 1, nextTry: null });
  }
  const [first] = missing;
  if (first === undefined) return;
  const { code, message, retryAfter } = first.error;
  const reason = `${missing.length} files of the tree are missing: ${first.href}: ${message}`;
  throw new WaystationError(code, reason, { cause: first.error, retryAfter });
}

/** Says which sibling variants of a tree that was just read are not carried: installers will not find them here. */
export function sayVariants({ member, document, context }: Omit<TreeRead, 'run' | 'repository' | 'ahead'>): void {
  const { owners, log } = context.parts;
  if (member.proven?.treeinfo?.digest === document.treeinfo?.digest) return;
  const variants = missingVariants(member.path, document, (path) => owners.ownerOf(path) !== null);
  if (variants.length > 0) log.warn({ path: member.path, variants }, 'variants of this tree are not carried here');
}

/**
 * The variants' repositories, as `.treeinfo` names them, whose place below this PoP's `/content/` is nobody's: the layout
 * of the upstream has to be kept for them to be found.
 */
export function missingVariants(
  path: string,
  { tree }: RepositoryDocument,
  isCarried: (path: string) => boolean,
): readonly string[] {
  return (tree?.variants ?? []).filter((variant) => {
    const place = variantPath(path, variant);
    return place === null || !isCarried(place);
  });
}
