import { systemClock } from '../../base/clock.ts';
import { readEnvironment } from '../../config/environment.ts';
import { loadGates } from '../../config/hub/gates.ts';
import type { HubControl } from '../../hub/api/control.ts';
import { checkBundle } from '../../hub/gates/check.ts';
import type { GateReport } from '../../hub/gates/check.ts';
import { Reports } from '../../hub/gates/reports.ts';
import type { Occasion } from '../../hub/gates/reports.ts';
import { bundleOf } from '../../hub/gates/snapshot-bundle.ts';
import { ExternalSolver } from '../../solver/external-solver.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';
import { gateText } from './gate-text.ts';
import type { HubParts } from './hub-parts.ts';

export interface SnapshotCheckRequest {
  readonly hub: HubControl;
  readonly name: string;
  /** What it would be promoted to: it is compared with what that points to. undefined: with nothing. */
  readonly channel: string | undefined;
  readonly json: boolean;
}

/** `waystation hub snapshot check NAME`: succeeds when no error is found that is not waived. */
export async function snapshotCheck(
  { hub, name, channel, json }: SnapshotCheckRequest,
  terminal: Terminal,
): Promise<number> {
  const report = await hub.check({ snapshot: name, channel: channel ?? null });
  terminal.out(json ? JSON.stringify(report, null, 2) : gateText(report, terminal.paint));
  return report.passed ? exitCodes.ok : exitCodes.failed;
}

export interface CheckAsked extends Occasion {
  /** The file with the gates. */
  readonly gates: string;
  /** Of the snapshot. */
  readonly name: string;
}

/**
 * Leads a snapshot through the gates of a file, beside what a channel points to and pointed to before. What they say is
 * kept in the store.
 */
export async function checkSnapshot(
  { store, snapshots, origins, channels }: HubParts,
  { gates, name, ...occasion }: CheckAsked,
): Promise<GateReport> {
  const { channel } = occasion;
  const rules = loadGates(gates);
  const { searchPath } = readEnvironment();
  const current = channel === null ? null : await channels.find(channel);
  const earlier = channel === null ? [] : await channels.history(channel);
  const names = new Set([current, ...earlier].flatMap((each) => (each === null ? [] : each.snapshot)));
  names.delete(name);
  const history = [];
  for (const each of names) {
    // One that was retired since can no longer be compared with.
    const snapshot = await snapshots.find(each);
    if (snapshot !== null) history.push(await bundleOf(snapshot, store, await origins.of(snapshot)));
  }
  const checked = await snapshots.need(name);
  const bundle = await bundleOf(checked, store, await origins.of(checked));
  const before = history.find((each) => each.name === current?.snapshot) ?? null;
  const parts = { solver: new ExternalSolver(searchPath), searchPath, now: systemClock.now() };
  const report = await checkBundle({ bundle, before, history, rules }, parts, new AbortController().signal);
  await new Reports(store).add(occasion, report);
  return report;
}
