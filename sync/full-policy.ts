import { WaystationError } from '../base/errors.ts';
import type { RepositoryDocument } from '../base/generation.ts';
import type { WantedRepository } from '../mirror/discovery.ts';
import type { PassContext } from './pass.ts';
import type { Member } from './member.ts';
import type { Run } from './run.ts';

interface FullRead {
  readonly run: Run;
  readonly member: Member;
  readonly repository: WantedRepository;
  readonly document: RepositoryDocument;
  readonly context: Pick<PassContext, 'parts' | 'options'>;
}

/**
 * Holds a repository to the policy `full`: every servable package of the document is held when this resolves. What is
 * missing is named in the run, path by path.
 * @throws WaystationError that sums up what is missing; the next read goes on with it.
 */
export async function fetchPackages(read: FullRead, signal: AbortSignal): Promise<void> {
  const { run, member, repository, document } = read;
  const { store, packages, log } = read.context.parts;
  const { packages: counted } = await store.holdings(member.path, document);
  const served = store.current(read.context.options.name)?.repositories[member.path];
  const isServed = served?.map === document.map && served?.scope === document.scope;
  // What is served stays by itself; of anything else all has to be claimed, and looked for after that.
  const complete = counted.held >= counted.listed && document.map !== null && counted.listed > 0;
  if (complete && (isServed || (await store.holdsAll(member.path, document)))) return;
  const { missing, missingCount } = await packages.fetch({ repository, document, progress: run.packages }, signal);
  const [first] = missing;
  if (first === undefined) return;
  for (const { href, error } of missing) {
    const path = `${member.path}/${href}`;
    run.failed({ path, code: error.code, reason: error.message, attempts: 1, nextTry: null });
  }
  log.warn(
    { path: member.path, missing: missingCount, first: first.href, code: first.error.code },
    'packages are missing',
  );
  const { code, message, retryAfter } = first.error;
  throw new WaystationError(
    code,
    `${missingCount} of ${counted.listed} packages are missing: ${first.href}: ${message}`,
    {
      cause: first.error,
      retryAfter,
    },
  );
}
