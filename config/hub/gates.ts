import { dirname, isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { checkedValues, readText } from '../checked-file.ts';
import { duration, fileName, oneOf, section } from '../schema-values.ts';

const level = oneOf(['error', 'warning']).prefault('error');
const text = z.string({ error: 'must be text' }).min(1, { error: 'must not be empty' });
const percent = z.number({ error: 'must be a number of percent' }).min(0, { error: 'must not be negative' });
const until = z
  .string({ error: 'must be a date or a time' })
  .regex(/^\d{4}-\d\d-\d\d(T[0-9:.]+Z)?$/, { error: 'must be a date such as 2026-12-31, or a time in UTC' })
  .refine((value) => !Number.isNaN(Date.parse(value)), { error: 'is no date that there is' });
const gates = /^(signed-by|changelog|no-clash|no-downgrade|advisories|closure|jumps|exec:[a-z0-9-]{1,32})$/;

const schema = section({
  'signed-by': section({ level, keys: z.array(fileName, { error: 'must be a list of files' }).min(1) }).optional(),
  changelog: section({ level }).optional(),
  'no-clash': section({ level }).optional(),
  'no-downgrade': section({ level }).optional(),
  advisories: section({ level }).optional(),
  closure: section({ level, arch: text.prefault('x86_64') }).optional(),
  jumps: section({ level, packages: percent.prefault(20), bytes: percent.prefault(50) }).optional(),
  exec: z
    .array(
      section({
        name: z.string().regex(/^[a-z0-9-]{1,32}$/, { error: 'must be of a-z, 0-9 and -' }),
        level,
        command: z
          .array(text, { error: 'must be a list of words' })
          .min(1, { error: 'must name a program' })
          .refine(([program]) => program !== undefined && isAbsolute(program), {
            error: 'must begin with the absolute path of a program',
          }),
        time: duration(1_000).prefault('60s'),
      }),
    )
    .prefault([]),
  waivers: z
    .array(
      section({
        gate: z.string().regex(gates, { error: 'must be the name of a gate' }),
        name: text,
        by: text,
        why: text,
        until,
      }),
    )
    .prefault([]),
});

interface Level {
  readonly level: 'error' | 'warning';
}

/** The gates of a file, with the keys that it names read; null: that one is open. */
export interface GatesConfig {
  /** Armored public keys. */
  readonly signedBy: (Level & { readonly keys: readonly string[] }) | null;
  readonly changelog: Level | null;
  readonly noClash: Level | null;
  readonly noDowngrade: Level | null;
  readonly advisories: Level | null;
  readonly closure: (Level & { readonly arch: string }) | null;
  /** Percent. */
  readonly jumps: (Level & { readonly packages: number; readonly bytes: number }) | null;
  /** `time` in milliseconds. */
  readonly exec: readonly (Level & {
    readonly name: string;
    readonly program: string;
    readonly words: readonly string[];
    readonly time: number;
  })[];
  readonly waivers: readonly {
    readonly gate: string;
    readonly name: string;
    readonly by: string;
    readonly why: string;
    readonly until: string;
  }[];
}

/** Reads the file with the gates of snapshots. @throws ConfigInvalidError with everything that is wrong. */
export function loadGates(file: string): GatesConfig {
  const values = checkedValues(readText(file), file, { schema, findings: () => [] });
  const signed = values['signed-by'] ?? null;
  const keys = (signed?.keys ?? []).map((key) => readText(resolve(dirname(resolve(file)), key)));
  return {
    signedBy: signed === null ? null : { level: signed.level, keys },
    changelog: values.changelog ?? null,
    noClash: values['no-clash'] ?? null,
    noDowngrade: values['no-downgrade'] ?? null,
    advisories: values.advisories ?? null,
    closure: values.closure ?? null,
    jumps: values.jumps ?? null,
    exec: values.exec.map(({ command: [program = '', ...words], ...own }) => ({ ...own, program, words })),
    waivers: values.waivers,
  };
}
