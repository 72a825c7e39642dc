import type { Listed } from '../../base/digest.ts';
import { asWaystationError } from '../../base/errors.ts';
import { possessionScope } from '../../base/generation.ts';
import { heldRepomd } from '../../mirror/held-record.ts';
import type { SolverAnswer, SolverRepository } from '../../solver/question.ts';
import { parseInstalledList } from '../../yum/installed-list.ts';
import type { InstalledPackage } from '../../yum/installed-list.ts';
import { countOf } from './denied-files.ts';
import type { DeniedFiles } from './denied-files.ts';
import { lackingFile } from './lacking.ts';
import type { HeldFiles, Lacking, LookedAt, ReadinessParts } from './parts.ts';
import type { Needs } from './question.ts';
import { problemText } from './report.ts';
import type { NeedsReady } from './report.ts';

interface Found {
  readonly needs: NeedsReady;
  readonly lacking: readonly Lacking[];
}

/**
 * What hosts would download for what is asked, by a solver over the held metadata, and what of it is missing.
 * @param repositories those that hosts can read.
 * @param whole whether all of their metadata is held: without it nothing can be told.
 * @throws WaystationError `solver_missing`, `solver_failed`, `bad_request`
 */
export async function needsReady(
  asked: Needs,
  { repositories, whole }: { readonly repositories: readonly LookedAt[]; readonly whole: boolean },
  parts: Pick<ReadinessParts, 'metadata' | 'solver' | 'arch'> & { readonly denied: DeniedFiles },
  signal: AbortSignal,
): Promise<Found> {
  const { metadata: held, solver, denied } = parts;
  const installed = asked.host === null ? [] : parseInstalledList(asked.host);
  const arch = asked.arch ?? archOf(installed) ?? parts.arch;
  const host = asked.host === null ? null : { listed: installed.length, elsewhere: [] };
  const counts = { packages: { needed: 0, held: 0 }, bytes: { needed: 0, held: 0 }, denied: { files: 0, bytes: 0 } };
  const nothing = { solver: null, arch, ...counts };
  if (!whole) {
    const problems = ['metadata is missing, so nothing can be resolved'];
    const needs = { ready: false, ...nothing, unknown: [], problems, installed: host, notes: [] };
    return { needs, lacking: [] };
  }
  const byId = identified(repositories);
  const { packages, modules, weak } = asked;
  const read = [...byId].map(([id, at]) => solverRepository(id, at, held, signal));
  const question = { repositories: await Promise.all(read), arch, packages, installed, modules, closure: [], weak };
  const answer = await solver.solve(question, signal);
  const { lacking, unservable, sums } = await missingOf(answer, byId, { held, denied }, signal);
  const problems = [...answer.problems, ...unservable];
  return {
    needs: {
      ready: lacking.length === 0 && problems.length === 0 && answer.unknown.length === 0,
      solver: answer.solver,
      arch,
      ...sums,
      unknown: answer.unknown,
      problems,
      installed: host === null ? null : { ...host, elsewhere: answer.foreign },
      notes: answer.notes,
    },
    lacking,
  };
}

/** By the ids that hosts know them by, as `.repo` texts have them: of equal packages dnf takes one by these. */
function identified(repositories: readonly LookedAt[]): ReadonlyMap<string, LookedAt> {
  const byId = new Map<string, LookedAt>();
  for (const at of repositories) {
    let id = at.path.replaceAll(/[^A-Za-z0-9_.:-]/g, '-');
    while (byId.has(id)) id += '_';
    byId.set(id, at);
  }
  return byId;
}

async function solverRepository(
  id: string,
  { path, document }: LookedAt,
  held: HeldFiles,
  signal: AbortSignal,
): Promise<SolverRepository> {
  const { records } = await heldRepomd({ sink: held, path, scope: document.scope, signal }, document);
  return {
    id,
    records: records.map(({ type, href, listed, open }) => ({
      type,
      href,
      listed,
      open,
      read: () => held.read(possessionScope(document.scope, path, listed), listed),
    })),
  };
}

interface Judged {
  readonly lacking: readonly Lacking[];
  /** What is needed and cannot be served, whatever is fetched. */
  readonly unservable: readonly string[];
  readonly sums: Pick<NeedsReady, 'packages' | 'bytes' | 'denied'>;
}

async function missingOf(
  { needs }: SolverAnswer,
  byId: ReadonlyMap<string, LookedAt>,
  { held, denied }: { readonly held: HeldFiles; readonly denied: DeniedFiles },
  signal: AbortSignal,
): Promise<Judged> {
  const lacking: Lacking[] = [];
  const unservable: string[] = [];
  const refused: Listed[] = [];
  const [packages, bytes] = [
    { needed: needs.length, held: 0 },
    { needed: 0, held: 0 },
  ];
  for (const { repository, href, nevra } of needs) {
    signal.throwIfAborted();
    const at = byId.get(repository);
    const map = at?.document.map ?? null;
    try {
      const listed = map === null ? null : await held.find(map, href);
      if (at === undefined || listed === null) {
        unservable.push(`${nevra} is needed and cannot be served: ${at?.path ?? repository} lists it as ${href}`);
        continue;
      }
      bytes.needed += listed.size;
      if (denied.has(listed)) {
        refused.push(listed);
        unservable.push(`${nevra} is needed and denied by the hub: ${at.path}/${href}`);
      } else if (await held.holds(possessionScope(at.document.scope, at.path, listed), listed)) {
        packages.held += 1;
        bytes.held += listed.size;
      } else lacking.push(lackingFile(at, { href, listed, nevra }, 'needed'));
    } catch (thrown) {
      unservable.push(`${nevra}: ${problemText(asWaystationError(thrown))}`);
    }
  }
  return { lacking, unservable, sums: { packages, bytes, denied: countOf(refused) } };
}

/** What most packages of a host are for; null: nothing says. */
function archOf(installed: readonly InstalledPackage[]): string | null {
  const counts = new Map<string, number>();
  for (const { arch } of installed) if (arch !== 'noarch') counts.set(arch, (counts.get(arch) ?? 0) + 1);
  const [first] = [...counts].toSorted(([, one], [, other]) => other - one);
  return first?.[0] ?? null;
}
