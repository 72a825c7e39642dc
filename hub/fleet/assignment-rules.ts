import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { parseDigest } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import { jsonBytes, readJson } from '../store/json-object.ts';
import { keysOf } from '../store/layout.ts';
import { wholeObject } from '../store/object-store.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { isSelected, labels } from './labels.ts';
import type { Labels } from './labels.ts';

/** Seconds between two heartbeats where no rule says otherwise. */
const usualHeartbeat = 30;

const rule = z.object({
  /** Labels of the PoPs that it is for; none: for all. */
  select: labels,
  channels: z.array(z.string()),
  policy: z.string().nullable(),
  deny: z.array(z.custom<Digest>((value) => typeof value === 'string' && parseDigest(value) === value)),
  /** Seconds. */
  heartbeat: z.int().min(1).max(3_600).nullable(),
});

const document = z.object({
  format: z.literal(1),
  rules: z.array(rule),
  changed: z.iso.datetime(),
  by: z.string(),
});

export type AssignmentRule = z.output<typeof rule>;
/** What operators want of PoPs, in order. */
export type AssignmentRules = z.output<typeof document>;

/** What is wanted of one PoP. */
export interface Wanted {
  readonly channels: readonly string[];
  readonly policy: string | null;
  readonly deny: readonly Digest[];
  readonly heartbeat: number;
}

/** null: nobody has set any. */
export async function readRules(store: ObjectStore): Promise<AssignmentRules | null> {
  return (await readJson(store, keysOf.assignments, document))?.value ?? null;
}

/** Puts rules in the place of all that there were. */
export async function setRules(
  store: ObjectStore,
  rules: readonly AssignmentRule[],
  { by, clock }: { readonly by: string; readonly clock: Clock },
): Promise<AssignmentRules> {
  const made = document.parse({ format: 1, rules, changed: new Date(clock.now()).toISOString(), by });
  const bytes = jsonBytes(made);
  for (;;) {
    const before = await store.get(keysOf.assignments);
    const isSet =
      before === null
        ? await store.putIfAbsent(keysOf.assignments, wholeObject(bytes))
        : (await store.putIfMatch(keysOf.assignments, bytes, before.version)) !== null;
    if (isSet) return made;
  }
}

/**
 * What the rules that match the labels of a PoP want of it: channels and denied files add up in order, of the rest the
 * last one counts. Without any rules every PoP may follow every channel.
 * @param all the channels that there are.
 */
export function wantedOf(rules: AssignmentRules | null, own: Labels, all: readonly string[]): Wanted {
  const matching = rules?.rules.filter(({ select }) => isSelected(own, select)) ?? [];
  return {
    channels: rules === null ? all : [...new Set(matching.flatMap(({ channels }) => channels))],
    policy: matching.findLast(({ policy }) => policy !== null)?.policy ?? null,
    deny: [...new Set(matching.flatMap(({ deny }) => deny))],
    heartbeat: matching.findLast(({ heartbeat }) => heartbeat !== null)?.heartbeat ?? usualHeartbeat,
  };
}
