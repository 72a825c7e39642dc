import type { Solver } from '../../solver/question.ts';
import { lostByAdvisories } from './advisory-gate.ts';
import { packagesOf } from './bundle.ts';
import type { Bundle, BundlePackage } from './bundle.ts';
import { ownObjections } from './exec-gate.ts';
import type { OwnGate } from './exec-gate.ts';
import { fileObjections } from './file-gates.ts';
import { waiverFor } from './finding.ts';
import type { GateFinding, GateLevel, GateName, Objection, Waiver } from './finding.ts';
import { clashes, downgrades, jumps } from './package-gates.ts';
import type { Packages } from './package-gates.ts';
import { unresolved } from './closure.ts';

interface Level {
  readonly level: GateLevel;
}

/** Which gates there are; null: that one is open. */
export interface GateRules {
  /** Armored public keys. */
  readonly signedBy: (Level & { readonly keys: readonly string[] }) | null;
  readonly changelog: Level | null;
  readonly noClash: Level | null;
  readonly noDowngrade: Level | null;
  readonly advisories: Level | null;
  readonly closure: (Level & { readonly arch: string }) | null;
  /** Percent. */
  readonly jumps: (Level & { readonly packages: number; readonly bytes: number }) | null;
  readonly exec: readonly (Level & OwnGate)[];
  readonly waivers: readonly Waiver[];
}

export interface CheckRequest {
  readonly bundle: Bundle;
  /** What its channel points to now; null: nothing, so everything is new. */
  readonly before: Bundle | null;
  /** All that the channel points to and pointed to before. */
  readonly history: readonly Bundle[];
  readonly rules: GateRules;
}

export interface CheckParts {
  readonly solver: Solver;
  /** Folders where rpm's programs are looked for. */
  readonly searchPath: readonly string[];
  /** Wall clock, milliseconds. */
  readonly now: number;
}

export interface GateReport {
  readonly snapshot: string;
  /** What it was compared with. */
  readonly before: string | null;
  /** RFC 3339. */
  readonly at: string;
  /** No error that is not waived. */
  readonly passed: boolean;
  readonly packages: { readonly all: number; readonly new: number };
  /** The gates that it went through. */
  readonly gates: readonly { readonly gate: GateName; readonly level: GateLevel; readonly findings: number }[];
  readonly findings: readonly GateFinding[];
}

/**
 * Leads a bundle through the gates. What a gate cannot tell is a finding of it, never a pass.
 * @throws WaystationError when metadata cannot be read; the signal's reason.
 */
export async function checkBundle(request: CheckRequest, parts: CheckParts, signal: AbortSignal): Promise<GateReport> {
  const { bundle, before, rules } = request;
  const packages = await packagesOf(bundle, signal);
  const then = before === null ? [] : await packagesOf(before, signal);
  const known = new Set(then.map(({ text, listed }) => `${text} ${listed.digest}`));
  const isNew = (one: BundlePackage): boolean => !known.has(`${one.text} ${one.listed.digest}`);
  const fresh = distinct(packages.filter(isNew));
  const objections: [GateName, GateLevel, readonly Objection[]][] = [];
  const add = (gate: GateName, rule: Level | null, found: readonly Objection[]): void => {
    if (rule !== null) objections.push([gate, rule.level, found]);
  };
  if (rules.signedBy !== null || rules.changelog !== null) {
    const asked = { keys: rules.signedBy?.keys ?? null, changelog: rules.changelog !== null };
    const found = await fileObjections(fresh, { ...asked, searchPath: parts.searchPath }, signal);
    add('signed-by', rules.signedBy, found.signedBy);
    add('changelog', rules.changelog, found.changelog);
  }
  if (rules.noClash !== null) add('no-clash', rules.noClash, clashes(packages, await all(request.history, signal)));
  add('no-downgrade', rules.noDowngrade, downgrades(packages, then));
  if (rules.closure !== null)
    add('closure', rules.closure, await unresolved(bundle, { fresh, arch: rules.closure.arch }, parts.solver, signal));
  if (rules.jumps !== null && before !== null)
    add('jumps', rules.jumps, jumps({ bundle, packages }, { bundle: before, packages: then }, rules.jumps));
  if (rules.advisories !== null && before !== null) {
    const found = await lostByAdvisories({ bundle, packages }, { bundle: before, packages: then }, signal);
    add('advisories', rules.advisories, found);
  }
  for (const own of rules.exec) {
    const of = { snapshot: bundle.name, before: before?.name ?? null, packages, isNew };
    add(`exec:${own.name}`, own, await ownObjections(own, of, signal));
  }
  const names = new Map(packages.map(({ text, name }) => [text, name]));
  const findings = objections.flatMap(([gate, level, found]) =>
    found.map(({ subject, message }): GateFinding => {
      const waived = waiverFor({ gate, subject, packageName: names.get(subject) ?? null }, rules.waivers, parts.now);
      return { gate, level, subject, message, waived };
    }),
  );
  return {
    snapshot: bundle.name,
    before: before?.name ?? null,
    at: new Date(parts.now).toISOString(),
    passed: findings.every(({ level, waived }) => level === 'warning' || waived !== null),
    packages: { all: packages.length, new: fresh.length },
    gates: objections.map(([gate, level, found]) => ({ gate, level, findings: found.length })),
    findings,
  };
}

async function all(history: readonly Bundle[], signal: AbortSignal): Promise<readonly Packages[]> {
  const read: Packages[] = [];
  for (const bundle of history) read.push({ name: bundle.name, packages: await packagesOf(bundle, signal) });
  return read;
}

/** A file that several repositories list is looked at once. */
function distinct(packages: readonly BundlePackage[]): readonly BundlePackage[] {
  return [...new Map(packages.map((one) => [`${one.text} ${one.listed.digest}`, one])).values()];
}
