import { z } from '@hono/zod-openapi';
import { operation } from './operation.ts';
import type { Operation } from './operation.ts';
import * as schemas from './schemas.ts';

const byPop = z.object({ pop: schemas.pop.openapi({ description: 'Name or id' }) });

/** PoPs, what they are to do, who may act on the hub, and who did. */
export const fleetOperations: readonly Operation[] = [
  operation({
    id: 'listPops',
    role: 'viewer',
    method: 'get',
    path: '/pops',
    summary: 'All PoPs; offline, stuck and late ones first',
    answer: schemas.pops,
    run: (hub) => hub.pops(),
  }),
  operation({
    id: 'showPop',
    role: 'viewer',
    method: 'get',
    path: '/pops/{pop}',
    summary: 'All that is known of a PoP',
    params: byPop,
    answer: schemas.shownPop,
    run: (hub, { params }) => hub.pop(params.pop),
  }),
  operation({
    id: 'labelPop',
    role: 'admin',
    method: 'post',
    path: '/pops/{pop}/labels',
    summary: 'Change labels of a PoP; null removes one',
    params: byPop,
    body: z.object({ labels: schemas.labelChanges }),
    answer: schemas.popNamed,
    run: (hub, { params, body }) => hub.labelPop(params.pop, body.labels),
  }),
  operation({
    id: 'renamePop',
    role: 'admin',
    method: 'post',
    path: '/pops/{pop}/rename',
    summary: 'Give a PoP another name',
    params: byPop,
    body: z.object({ name: schemas.newPopName }),
    answer: schemas.popNamed,
    run: (hub, { params, body }) => hub.renamePop(params.pop, body.name),
  }),
  operation({
    id: 'revokePop',
    role: 'admin',
    method: 'post',
    path: '/pops/{pop}/revoke',
    summary: 'Let a PoP in no more, for ever',
    params: byPop,
    body: z.object({ why: schemas.why }),
    answer: schemas.popNamed,
    run: (hub, { params, body }) => hub.revokePop(params.pop, body.why),
  }),
  operation({
    id: 'showAssignments',
    role: 'viewer',
    method: 'get',
    path: '/assignments',
    summary: 'What PoPs are to do; null: nobody has said, and every PoP may follow every channel',
    answer: schemas.assignments,
    run: (hub) => hub.assignments(),
  }),
  operation({
    id: 'setAssignments',
    role: 'admin',
    method: 'put',
    path: '/assignments',
    summary: 'Say what PoPs are to do, in the place of all that was said before',
    body: z.object({ assignments: z.array(schemas.rule).max(10_000) }),
    answer: schemas.assignments,
    run: (hub, { body }) => hub.setAssignments(body.assignments),
  }),
];
