import type { PlanCount, PlanCounts } from '../../base/plan.ts';
import type { Decision, Verdict } from './decide.ts';

/** What is decided → where it counts. */
const names = {
  fetch: 'fetch',
  keep: 'keep',
  leave: 'onDemand',
  deny: 'denied',
  retire: 'retire',
} as const satisfies Record<Verdict, keyof PlanCounts>;

type Count = { -readonly [Name in keyof PlanCount]: PlanCount[Name] };
type Counted = { -readonly [Name in keyof PlanCounts]: Count };

/** Sums of decisions. */
export class PlanTally {
  readonly #counts: Counted = {
    fetch: none(),
    fetchStored: none(),
    keep: none(),
    keepShared: none(),
    onDemand: none(),
    denied: none(),
    retire: none(),
  };

  add({ verdict, elsewhere, listed }: Omit<Decision, 'path' | 'scope' | 'wanted'>): void {
    const counts = this.#counts;
    const add = (count: Count): void => {
      count.files += 1;
      count.bytes += listed.size ?? 0;
      count.unsized += listed.size === null ? 1 : 0;
    };
    add(counts[names[verdict]]);
    if (verdict === 'fetch' && elsewhere) add(counts.fetchStored);
    if (verdict === 'keep' && elsewhere) add(counts.keepShared);
  }

  get counts(): PlanCounts {
    return structuredClone(this.#counts);
  }
}

function none(): Count {
  return { files: 0, bytes: 0, unsized: 0 };
}

/** Counts added up, name by name. */
export function totalOf(parts: readonly PlanCounts[]): PlanCounts {
  const sum = (name: keyof PlanCounts): PlanCount => ({
    files: parts.reduce((files, part) => files + part[name].files, 0),
    bytes: parts.reduce((bytes, part) => bytes + part[name].bytes, 0),
    unsized: parts.reduce((unsized, part) => unsized + part[name].unsized, 0),
  });
  return {
    fetch: sum('fetch'),
    fetchStored: sum('fetchStored'),
    keep: sum('keep'),
    keepShared: sum('keepShared'),
    onDemand: sum('onDemand'),
    denied: sum('denied'),
    retire: sum('retire'),
  };
}
