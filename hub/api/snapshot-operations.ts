import { z } from '@hono/zod-openapi';
import { operation } from './operation.ts';
import type { Operation } from './operation.ts';
import * as schemas from './schemas.ts';
import * as answers from './snapshot-schemas.ts';

const byName = z.object({ name: schemas.name });

/** What is said of snapshots, and how they go. */
export const snapshotOperations: readonly Operation[] = [
  operation({
    id: 'diffSnapshots',
    role: 'viewer',
    method: 'get',
    path: '/snapshots/{name}/diff/{to}',
    summary: 'Packages, repositories and advisories that differ between a snapshot and a later one, and notes of them',
    params: byName.extend({ to: schemas.name }),
    answer: answers.diff,
    run: (hub, { params }) => hub.diff(params.name, params.to),
  }),
  operation({
    id: 'listNotes',
    role: 'viewer',
    method: 'get',
    path: '/snapshots/{name}/notes',
    summary: 'What was said of packages of a snapshot',
    params: byName,
    answer: answers.notes,
    run: (hub, { params }) => hub.notes(params.name),
  }),
  operation({
    id: 'addNote',
    role: 'publisher',
    method: 'post',
    path: '/snapshots/{name}/notes',
    summary: 'Say something of a package of a snapshot',
    params: byName,
    body: z.object({
      nevra: z.string().min(1).max(1_000).openapi({ description: 'name-[epoch:]version-release.arch' }),
      text: z.string().max(10_000),
    }),
    answer: schemas.note,
    run: (hub, { params, body }) => hub.note({ snapshot: params.name, ...body }),
  }),
  operation({
    id: 'checkSnapshot',
    role: 'publisher',
    method: 'post',
    path: '/snapshots/{name}/check',
    summary: 'Lead a snapshot through the gates, beside what a channel points to and pointed to. It takes its time',
    params: byName,
    body: z.object({ channel: schemas.name.nullable().default(null) }),
    answer: answers.report,
    run: (hub, { params, body }) => hub.check({ snapshot: params.name, ...body }),
  }),
  operation({
    id: 'listReports',
    role: 'viewer',
    method: 'get',
    path: '/snapshots/{name}/reports',
    summary: 'What gates said of a snapshot the last time, or each time, newest first',
    params: byName,
    query: z.object({ all: z.enum(['true', 'false']).default('false') }),
    answer: answers.reports,
    run: (hub, { params, query }) => hub.reports(params.name, query.all === 'true'),
  }),
  operation({
    id: 'retireSnapshot',
    role: 'admin',
    method: 'post',
    path: '/snapshots/{name}/retire',
    summary: 'Say that a snapshot is to go; no channel may need it',
    params: byName,
    body: z.object({ why: schemas.why }),
    answer: answers.retired,
    run: (hub, { params, body }) => hub.retire({ snapshot: params.name, ...body }),
  }),
];
