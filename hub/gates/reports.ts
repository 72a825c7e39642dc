import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { jsonBytes, readJson } from '../store/json-object.ts';
import { keysOf } from '../store/layout.ts';
import { wholeObject } from '../store/object-store.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { GateReport } from './check.ts';
import type { GateName } from './finding.ts';

const gate = z.custom<GateName>((value) => typeof value === 'string');
const level = z.enum(['error', 'warning']);
const waiver = z.object({ gate: z.string(), name: z.string(), by: z.string(), why: z.string(), until: z.string() });

const report = z.object({
  format: z.literal(1),
  /** What somebody wanted of the gates. */
  occasion: z.enum(['check', 'promote']),
  channel: z.string().nullable(),
  by: z.string(),
  snapshot: z.string(),
  before: z.string().nullable(),
  at: z.iso.datetime(),
  passed: z.boolean(),
  packages: z.object({ all: z.int(), new: z.int() }),
  gates: z.array(z.object({ gate, level, findings: z.int() })),
  findings: z.array(z.object({ gate, level, subject: z.string(), message: z.string(), waived: waiver.nullable() })),
});

/** A report of gates with why they were asked, and by whom. */
export type StoredReport = z.output<typeof report>;

/** Why gates are asked. */
export type Occasion = Pick<StoredReport, 'occasion' | 'channel' | 'by'>;

/** Findings that are kept of one report, of which there may be as many as packages. */
const mostFindings = 20_000;

/** What gates said of snapshots, each time: kept as long as the snapshot. */
export class Reports {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  async add(occasion: Occasion, said: GateReport): Promise<void> {
    const bytes = jsonBytes({ format: 1, ...occasion, ...said, findings: said.findings.slice(0, mostFindings) });
    const time = said.at.replace(/[-:]/g, '');
    const key = `${keysOf.reportsOf(said.snapshot)}${time}-${randomBytes(4).toString('hex')}.json`;
    await this.#store.putIfAbsent(key, wholeObject(bytes));
  }

  /** Newest first. @param most so many of them. */
  async of(snapshot: string, most = Infinity): Promise<readonly StoredReport[]> {
    const keys: string[] = [];
    for await (const { key } of this.#store.list(keysOf.reportsOf(snapshot))) keys.push(key);
    const found: StoredReport[] = [];
    for (const key of keys.toReversed().slice(0, most)) {
      const read = await readJson(this.#store, key, report);
      if (read !== null) found.push(read.value);
    }
    return found;
  }
}
