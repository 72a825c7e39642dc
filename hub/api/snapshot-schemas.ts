import { z } from '@hono/zod-openapi';
import { instant, note } from './schemas.ts';

// What is answered about snapshots, as `schemas.ts` has the rest.

const count = z.int().min(0);
const texts = z.array(z.string());
const named = z.looseObject({ name: z.string(), created: instant });

export const diff = z.looseObject({
  from: named,
  to: named,
  repositories: z.array(
    z.looseObject({
      path: z.string(),
      state: z.enum(['added', 'removed', 'changed', 'unchanged']),
      packages: z.looseObject({
        added: texts,
        removed: texts,
        changed: z.array(z.looseObject({ name: z.string(), arch: z.string(), from: texts, to: texts })),
        rebuilt: texts,
      }),
      advisories: z.looseObject({ gained: texts, lost: texts }),
      error: z.looseObject({ code: z.string(), message: z.string() }).nullable(),
    }),
  ),
  notes: z.array(note.extend({ snapshot: z.string() })),
});

export const notes = z.looseObject({ snapshot: z.string(), notes: z.array(note) });

const level = z.enum(['error', 'warning']);

export const report = z.looseObject({
  snapshot: z.string(),
  before: z.string().nullable(),
  at: instant,
  passed: z.boolean(),
  packages: z.looseObject({ all: count, new: count }),
  gates: z.array(z.looseObject({ gate: z.string(), level, findings: count })),
  findings: z.array(
    z.looseObject({
      gate: z.string(),
      level,
      subject: z.string(),
      message: z.string(),
      waived: z.looseObject({ by: z.string(), why: z.string(), until: z.string() }).nullable(),
    }),
  ),
});

export const reports = z.looseObject({
  snapshot: z.string(),
  reports: z.array(
    report.extend({ occasion: z.enum(['check', 'promote']), channel: z.string().nullable(), by: z.string() }),
  ),
});

export const retired = z.looseObject({
  snapshot: z.string(),
  at: instant,
  by: z.string(),
  why: z.string().nullable(),
});
