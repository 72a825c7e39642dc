import { WaystationError } from '../../base/errors.ts';
import { DeniedFiles } from './denied-files.ts';
import type { FileCount } from './denied-files.ts';
import { needsReady } from './needs.ts';
import type { Lacking, LookedAt, ReadinessParts, SubscriptionFacts } from './parts.ts';
import type { ReadyQuestion } from './question.ts';
import { missingCount, pendingRepository, repositoryReady } from './repository.ts';
import type { NeedsReady, ReadyReport, RepositoryReady, SubscriptionReady } from './report.ts';

/** Files that a report names at most; the others are counted. */
const mostNamed = 100_000;

export interface ReadyAnswer {
  readonly report: ReadyReport;
  /** The missing files that the report names. */
  readonly lacking: readonly Lacking[];
}

/** One subscription, looked at. */
interface Seen {
  readonly subscription: SubscriptionReady;
  /** Its repositories that hosts can read. */
  readonly readable: readonly LookedAt[];
  readonly lacking: readonly Lacking[];
}

/** Tells what would fail if the link died now: from what is held and published, asking nobody. */
export class Readiness {
  readonly #parts: Omit<ReadinessParts, 'denied'> & { readonly denied: DeniedFiles };

  constructor(parts: ReadinessParts) {
    const { metadata, denied } = parts;
    this.#parts = { ...parts, denied: new DeniedFiles(denied, (map) => metadata.packages(map)) };
  }

  /**
   * Looks at every file that is promised or needed.
   * @throws WaystationError `unknown_subscription`, `bad_request`, `solver_missing`, `solver_failed`; the signal's reason.
   */
  async check(question: ReadyQuestion, signal: AbortSignal): Promise<ReadyAnswer> {
    const { needs: asked } = question;
    // Who asks for packages does not want all that policies promise named, and fetched.
    const seen = await this.#subscriptions(question, asked === null, signal);
    if (question.counts !== null && seen.every(({ subscription }) => subscription.repositories.length === 0))
      throw new WaystationError('bad_request', 'no repository that is subscribed has such a path');
    const repositories = seen.flatMap(({ readable }) => readable);
    const whole = seen.every(({ lacking }) => lacking.every(({ file }) => file.because !== 'metadata'));
    const found = asked === null ? null : await needsReady(asked, { repositories, whole }, this.#parts, signal);
    const lacking = distinct([...(found?.lacking ?? []), ...seen.flatMap((one) => one.lacking)]);
    const named = lacking.slice(0, mostNamed);
    return {
      report: {
        ...this.#report(seen, found?.needs ?? null),
        missing: {
          count: lacking.length,
          bytes: lacking.reduce((sum, { file }) => sum + file.bytes, 0),
          files: named.map(({ file }) => file),
        },
      },
      lacking: named,
    };
  }

  /** The same by counts, and without a solver: cheap. Only metadata is named. @throws WaystationError `unknown_subscription` */
  async counted(subscriptions: readonly string[], signal: AbortSignal): Promise<ReadyReport> {
    const seen = await this.#subscriptions({ subscriptions, counts: null, needs: null }, false, signal);
    const files = seen.flatMap(({ lacking }) => lacking.map(({ file }) => file));
    const open = seen
      .flatMap(({ subscription }) => subscription.repositories)
      .filter(({ state }) => state !== 'closed');
    const promised = open.flatMap((repository) => repository.promised ?? []);
    const sum = (numbers: readonly number[]): number => numbers.reduce((one, other) => one + other, 0);
    return {
      ...this.#report(seen, null),
      missing: {
        count: files.length + sum(promised.map(missingCount)),
        bytes: sum(files.map(({ bytes }) => bytes)) + sum(promised.map(({ bytes }) => bytes)),
        files,
      },
    };
  }

  #report(seen: readonly Seen[], needs: NeedsReady | null): Omit<ReadyReport, 'missing'> {
    const subscriptions = seen.map(({ subscription }) => subscription);
    const ready =
      needs === null
        ? subscriptions.every((one) => one.ready)
        : needs.ready && subscriptions.every(({ repositories }) => repositories.every(isReadable));
    const at = new Date(this.#parts.clock.now()).toISOString();
    return { ready, at, subscriptions, needs, denied: needs?.denied ?? promisedAndDenied(subscriptions) };
  }

  #subscriptions(question: ReadyQuestion, named: boolean, signal: AbortSignal): Promise<readonly Seen[]> {
    const asked = this.#asked(question.subscriptions);
    return Promise.all(asked.map((facts) => this.#subscription(facts, { question, named }, signal)));
  }

  #asked(names: readonly string[]): readonly SubscriptionFacts[] {
    const { subscriptions } = this.#parts;
    if (names.length === 0) return subscriptions;
    return [...new Set(names)].map((name) => {
      const found = subscriptions.find((facts) => facts.name === name);
      if (found !== undefined) return found;
      const known = subscriptions.map((facts) => facts.name).join(', ');
      const there = known === '' ? 'nothing is subscribed' : `there is ${known}`;
      throw new WaystationError('unknown_subscription', `no subscription is called ${name}; ${there}`);
    });
  }

  async #subscription(
    facts: SubscriptionFacts,
    { question, named }: { readonly question: ReadyQuestion; readonly named: boolean },
    signal: AbortSignal,
  ): Promise<Seen> {
    const { name } = facts;
    const { counts } = question;
    const current = this.#parts.store.current(name);
    const { checked, pending } = await facts.standing();
    const readable: LookedAt[] = [];
    const lacking: Lacking[] = [];
    const repositories: RepositoryReady[] = pending
      .filter(({ path }) => counts?.(path) !== false)
      .map(({ path, reason }) => pendingRepository(facts, path, reason));
    for (const [path, document] of Object.entries(current?.repositories ?? {})) {
      if (counts?.(path) === false) continue;
      const at = { facts, path, document };
      const found = await repositoryReady(at, this.#parts, named, signal);
      repositories.push(found.repository);
      if (found.repository.state === 'closed') continue;
      readable.push(at);
      lacking.push(...found.lacking);
    }
    const problems = current === null ? ['nothing was published yet'] : [];
    const open = repositories.filter(({ state }) => state !== 'closed');
    return {
      subscription: {
        name,
        ready: problems.length === 0 && open.every(({ state }) => state === 'ready'),
        generation: current?.id ?? null,
        published: current?.created ?? null,
        checked,
        problems,
        repositories: repositories.toSorted((one, other) => (one.path < other.path ? -1 : 1)),
      },
      readable,
      lacking,
    };
  }
}

function promisedAndDenied(subscriptions: readonly SubscriptionReady[]): FileCount {
  const open = subscriptions.flatMap(({ repositories }) => repositories.filter(({ state }) => state !== 'closed'));
  const counts = open.flatMap(({ promised }) => promised?.denied ?? []);
  return {
    files: counts.reduce((sum, { files }) => sum + files, 0),
    bytes: counts.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** Whether hosts can read all of a repository's metadata, and trust it: what its policy promises is another matter. */
function isReadable({ state, metadata, problems }: RepositoryReady): boolean {
  return state === 'closed' || (state !== 'pending' && metadata.held === metadata.listed && problems.length === 0);
}

/** A file that is missing for two reasons is named once, by the first. */
function distinct(lacking: readonly Lacking[]): readonly Lacking[] {
  const paths = new Set<string>();
  return lacking.filter(({ file }) => !paths.has(file.path) && paths.add(file.path));
}
