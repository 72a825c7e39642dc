import { asWaystationError } from '../../base/errors.ts';
import type { Solver } from '../../solver/question.ts';
import type { Bundle, BundlePackage } from './bundle.ts';
import type { Objection } from './finding.ts';

/** `closure`: everything that new packages require is provided by some package of the bundle. */
export async function unresolved(
  { repositories }: Bundle,
  { fresh, arch }: { readonly fresh: readonly BundlePackage[]; readonly arch: string },
  solver: Solver,
  signal: AbortSignal,
): Promise<readonly Objection[]> {
  if (fresh.length === 0) return [];
  const read = repositories.map(({ records, read: bytes }, index) => ({
    id: `repository-${index}`,
    records: records.map((record) => ({ ...record, read: () => bytes(record.listed) })),
  }));
  const closure = fresh.map(({ text }) => text);
  const question = { repositories: read, arch, closure, packages: [], installed: [], modules: [], weak: false };
  try {
    const answer = await solver.solve(question, signal);
    return answer.unresolved.map(({ nevra, requirement }) => ({
      subject: nevra,
      message: `requires ${requirement}, which nothing provides`,
    }));
  } catch (thrown) {
    signal.throwIfAborted();
    return [{ subject: '*', message: `cannot be told: ${asWaystationError(thrown).message}` }];
  }
}
