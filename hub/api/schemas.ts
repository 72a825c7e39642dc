import { z } from '@hono/zod-openapi';
import { parseDigest } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import { isSnapshotName } from '../../protocol/snapshot.ts';
import { operatorRoles } from '../operators/operators.ts';

// What the API takes is checked by these; what it gives is described by them. Fields may be added to answers.

export const instant = z.string().openapi({ format: 'date-time' });
const count = z.int().min(0);
export const name = z
  .string()
  .refine(isSnapshotName, { error: 'a-z, 0-9 and . _ -, at most 100' })
  .openapi({ pattern: '^[a-z0-9][a-z0-9._-]*$', maxLength: 100 });
export const why = z.string().max(1_000).nullable().default(null);
/** Name or id of a PoP. */
export const pop = z.string().min(1).max(63);
export const newPopName = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/);
export const id = z.string().regex(/^[0-9a-f]{16}$/);
const labelKey = z.string().regex(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/);
const labelValue = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/);
export const labels = z.record(labelKey, labelValue);
/** A value, or null for a label that is to go. */
export const labelChanges = z.record(labelKey, labelValue.nullable());
export const role = z.enum(operatorRoles);
/** Seconds: up to ten years. */
export const ttl = z.int().min(1).max(315_360_000);

const digest = z
  .string()
  .refine((text) => parseDigest(text) === text, { error: 'a digest such as sha256:…, in lower case' })
  .transform((text) => text as Digest)
  .openapi({ type: 'string', example: 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' });

export const rule = z.object({
  select: labels.default({}),
  channels: z.array(name).default([]),
  policy: z
    .string()
    .regex(/^(on-demand|full|newest:[1-9]\d{0,5})$/)
    .nullable()
    .default(null),
  deny: z.array(digest).default([]),
  heartbeat: z.int().min(1).max(3_600).nullable().default(null),
});

const snapshot = z
  .looseObject({
    name: z.string(),
    created: instant,
    policy: z.enum(['full', 'metadata-only']),
    content: z.string(),
    repositories: z.record(z.string(), z.looseObject({})),
    retired: instant.nullable(),
  })
  .openapi('Snapshot');

export const channel = z
  .looseObject({
    channel: z.string(),
    epoch: count,
    sequence: count,
    snapshot: z.string(),
    content: z.string(),
    issued: instant,
    expires: instant,
    by: z.string(),
    why: z.string().nullable(),
  })
  .openapi('Channel');

const popStanding = z
  .looseObject({
    id: z.string(),
    name: z.string(),
    labels: z.record(z.string(), z.string()),
    lastSeen: instant.nullable(),
    state: z.enum(['offline', 'stuck', 'late', 'registered', 'current', 'revoked']),
    version: z.string().nullable(),
    channels: z.array(
      z.looseObject({
        channel: z.string(),
        snapshot: z.string().nullable(),
        complete: z.boolean(),
        errors: count,
        behind: z.boolean(),
      }),
    ),
    errors: count,
    hitRatio: z.number().nullable(),
    bytes: count,
  })
  .openapi('Pop');

const token = z.looseObject({ id, state: z.string(), created: instant, expires: instant, by: z.string() });

export const note = z.looseObject({ nevra: z.string(), text: z.string(), by: z.string(), at: instant });

export const snapshots = z.looseObject({ snapshots: z.array(snapshot) });
export const shownSnapshot = snapshot.extend({
  retirement: z.looseObject({ at: instant, by: z.string(), why: z.string().nullable() }).nullable(),
  onlyAtOrigin: z.looseObject({ files: count, bytes: count }),
  notes: z.array(note),
});
export const channels = z.looseObject({ channels: z.array(channel) });
export const pops = z.looseObject({ pops: z.array(popStanding) });
export const shownPop = popStanding.extend({ registered: instant, from: z.string(), certificateEnds: instant });
export const popNamed = z.looseObject({ id: z.string(), name: z.string() });
export const tokens = z.looseObject({
  tokens: z.array(token.extend({ labels: z.record(z.string(), z.string()), uses: count, used: count })),
  operators: z.array(token.extend({ name: z.string(), role, kind: z.enum(['token', 'certificate']) })),
});
export const madeToken = z.looseObject({ token: z.string(), id, expires: instant });
export const certifiedOperator = z.looseObject({
  certificate: z.string(),
  id,
  name: z.string(),
  role,
  expires: instant,
});
export const revokedToken = z.looseObject({ id });
export const assignments = z.looseObject({ assignments: z.array(rule).nullable() });
export const auditList = z.looseObject({
  audit: z.array(
    z.looseObject({
      at: instant,
      who: z.looseObject({
        kind: z.enum(['user', 'operator', 'pop', 'hub']),
        name: z.string(),
        id: z.string().nullable(),
        from: z.string().nullable(),
      }),
      what: z.string(),
      on: z.string(),
      why: z.string().nullable(),
    }),
  ),
});
export const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().openapi({ description: 'As docs/errors.md has it' }),
    detail: z.string(),
  })
  .openapi('Problem');
