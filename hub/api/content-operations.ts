import { z } from '@hono/zod-openapi';
import { operation } from './operation.ts';
import type { Operation } from './operation.ts';
import * as schemas from './schemas.ts';

const byName = z.object({ name: schemas.name });
const byChannel = z.object({ channel: schemas.name });

/** Snapshots, and the channels that point to them. */
export const contentOperations: readonly Operation[] = [
  operation({
    id: 'listSnapshots',
    role: 'viewer',
    method: 'get',
    path: '/snapshots',
    summary: 'All snapshots',
    answer: schemas.snapshots,
    run: (hub) => hub.snapshots(),
  }),
  operation({
    id: 'showSnapshot',
    role: 'viewer',
    method: 'get',
    path: '/snapshots/{name}',
    summary: 'What a snapshot pins, what of it only its origins have, and what was said of it',
    params: byName,
    answer: schemas.shownSnapshot,
    run: (hub, { params }) => hub.snapshot(params.name),
  }),
  operation({
    id: 'listChannels',
    role: 'viewer',
    method: 'get',
    path: '/channels',
    summary: 'What each channel points to',
    answer: schemas.channels,
    run: (hub) => hub.channels(),
  }),
  operation({
    id: 'showChannel',
    role: 'viewer',
    method: 'get',
    path: '/channels/{channel}',
    summary: 'What a channel points to, then what it pointed to before, newest first',
    params: byChannel,
    answer: schemas.channels,
    run: (hub, { params }) => hub.channel(params.channel),
  }),
  operation({
    id: 'promote',
    role: 'publisher',
    method: 'post',
    path: '/channels/{channel}/promote',
    summary: 'Point a channel to a snapshot that the gates let through; it is made when there is none of that name',
    params: byChannel,
    body: z.object({ snapshot: schemas.name, why: schemas.why }),
    answer: schemas.channel,
    run: (hub, { params, body }) => hub.promote({ ...params, ...body }),
  }),
  operation({
    id: 'rollback',
    role: 'publisher',
    method: 'post',
    path: '/channels/{channel}/rollback',
    summary: 'Point a channel to what it pointed to before',
    params: byChannel,
    body: z.object({ why: schemas.why }),
    answer: schemas.channel,
    run: (hub, { params, body }) => hub.rollback({ ...params, ...body }),
  }),
];
