import { z } from '@hono/zod-openapi';
import type { OperatorRole } from '../operators/operators.ts';
import type { HubControl } from './control.ts';

type Shape = z.ZodObject;
const nothing = z.object({});

/** One thing that can be asked of a hub by its API. The list of them is all that there is: paths, roles, documents. */
export interface Operation {
  /** Its name in the OpenAPI document. */
  readonly id: string;
  /** Who may: this role, or one above it. */
  readonly role: OperatorRole;
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** Below `/api/v1`, parameters in braces. */
  readonly path: string;
  readonly summary: string;
  readonly params: Shape;
  readonly query: Shape;
  /** null: it has no body. */
  readonly body: Shape | null;
  readonly answer: z.ZodType;
  readonly run: (hub: HubControl, asked: AskedFor<Shape, Shape, Shape>) => Promise<unknown>;
}

interface AskedFor<Params extends Shape, Query extends Shape, Body extends Shape> {
  readonly params: z.output<Params>;
  readonly query: z.output<Query>;
  readonly body: z.output<Body>;
}

/** Makes one, with what it is asked typed by its own schemas. */
export function operation<
  Params extends Shape = typeof nothing,
  Query extends Shape = typeof nothing,
  Body extends Shape = typeof nothing,
>(
  own: Pick<Operation, 'id' | 'role' | 'method' | 'path' | 'summary' | 'answer'> & {
    readonly params?: Params;
    readonly query?: Query;
    readonly body?: Body;
    readonly run: (hub: HubControl, asked: AskedFor<Params, Query, Body>) => Promise<unknown>;
  },
): Operation {
  const { params = nothing, query = nothing, body = null } = own;
  return { ...own, params, query, body };
}
