/** The gates that a bundle passes through; those of the organisation's own are `exec:NAME`. */
export type GateName =
  | 'signed-by'
  | 'changelog'
  | 'no-clash'
  | 'no-downgrade'
  | 'closure'
  | 'advisories'
  | 'jumps'
  | `exec:${string}`;

export type GateLevel = 'error' | 'warning';

/** What a gate objects to. */
export interface Objection {
  /** A NEVRA, the path of a repository, the id of an advisory, or `*` for the bundle: what a waiver names. */
  readonly subject: string;
  readonly message: string;
}

/** Somebody's word that an objection does not matter for a while. */
export interface Waiver {
  readonly gate: string;
  /** The subject, or the name of its package. */
  readonly name: string;
  readonly by: string;
  readonly why: string;
  /** RFC 3339, or a date: up to its end, UTC. */
  readonly until: string;
}

export interface GateFinding extends Objection {
  readonly gate: GateName;
  readonly level: GateLevel;
  /** null: it counts. */
  readonly waived: Waiver | null;
}

/** The waiver that holds for an objection at a time; null: none. @param now wall clock, milliseconds. */
export function waiverFor(
  {
    gate,
    subject,
    packageName,
  }: { readonly gate: GateName; readonly subject: string; readonly packageName: string | null },
  waivers: readonly Waiver[],
  now: number,
): Waiver | null {
  const named = waivers.filter((waiver) => waiver.gate === gate && [subject, packageName].includes(waiver.name));
  return named.find(({ until }) => now < endOf(until)) ?? null;
}

const day = 24 * 60 * 60_000;

function endOf(until: string): number {
  return Date.parse(until) + (until.length === 'YYYY-MM-DD'.length ? day : 0);
}
