import { z } from '@hono/zod-openapi';
import { operation } from './operation.ts';
import type { Operation } from './operation.ts';
import * as schemas from './schemas.ts';

const newOperator = z.object({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/),
  role: schemas.role,
  ttl: schemas.ttl,
});

/** Who may act on the hub, and who did. */
export const tokenOperations: readonly Operation[] = [
  operation({
    id: 'listTokens',
    role: 'viewer',
    method: 'get',
    path: '/tokens',
    summary: 'All tokens, of PoPs and operators; never what would let somebody in',
    answer: schemas.tokens,
    run: (hub) => hub.tokens(),
  }),
  operation({
    id: 'createToken',
    role: 'admin',
    method: 'post',
    path: '/tokens',
    summary: 'Make a token with which PoPs register. It is told this once; ttl in seconds',
    body: z.object({
      labels: schemas.labels.default({}),
      uses: z.int().min(1).max(999_999).default(1),
      ttl: schemas.ttl.default(3_600),
    }),
    answer: schemas.madeToken,
    run: (hub, { body }) => hub.createToken(body),
  }),
  operation({
    id: 'createOperator',
    role: 'admin',
    method: 'post',
    path: '/operators',
    summary: 'Make a token with which somebody acts on the hub. It is told this once; ttl in seconds',
    body: newOperator,
    answer: schemas.madeToken,
    run: (hub, { body }) => hub.createOperator(body),
  }),
  operation({
    id: 'certifyOperator',
    role: 'admin',
    method: 'post',
    path: '/operators/certificates',
    summary: 'Make a certificate with which somebody acts on the hub, for the key of a signing request; ttl in seconds',
    body: newOperator.extend({ csr: z.string().max(16_384).openapi({ description: 'PKCS #10, PEM' }) }),
    answer: schemas.certifiedOperator,
    run: (hub, { body }) => hub.certifyOperator(body),
  }),
  operation({
    id: 'revokeToken',
    role: 'admin',
    method: 'delete',
    path: '/tokens/{id}',
    summary: 'Let nobody in with a token any more, of a PoP or an operator, or with a certificate of an operator',
    params: z.object({ id: schemas.id }),
    answer: schemas.revokedToken,
    run: (hub, { params }) => hub.revokeToken(params.id),
  }),
  operation({
    id: 'listAudit',
    role: 'viewer',
    method: 'get',
    path: '/audit',
    summary: 'What was done, by whom and why, in the order of time',
    query: z.object({ since: z.iso.datetime({ offset: true }).optional() }),
    answer: schemas.auditList,
    run: (hub, { query }) => hub.audit(query.since === undefined ? -Infinity : Date.parse(query.since)),
  }),
];
