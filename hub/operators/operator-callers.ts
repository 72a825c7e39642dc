import type { IncomingMessage } from 'node:http';
import { WaystationError } from '../../base/errors.ts';
import type { Operator, Operators } from './operators.ts';

/** What a request shows of who sends it. */
export interface Shown {
  /** What stands behind `Authorization: Bearer`; null: nothing does. */
  readonly token: string | null;
  /** null: there is no connection, as in a test. */
  readonly request: IncomingMessage | null;
}

/** Which operator sends a request, and who sent those that were asked about. */
export class OperatorCallers {
  readonly #operators: Pick<Operators, 'identify'>;
  readonly #known = new WeakMap<IncomingMessage, Operator>();

  constructor({ operators }: { readonly operators: Pick<Operators, 'identify'> }) {
    this.#operators = operators;
  }

  /** Looked at anew for each request: who was revoked is out at once. @throws WaystationError `unauthorized` */
  async identify({ token, request }: Shown): Promise<Operator> {
    if (token === null)
      throw new WaystationError('unauthorized', 'say who you are: Authorization: Bearer and a token of an operator');
    const operator = await this.#operators.identify(token);
    if (request !== null) this.#known.set(request, operator);
    return operator;
  }

  /** Who sent a request that was let in; null: nobody has shown who he is. */
  of(request: IncomingMessage): Operator | null {
    return this.#known.get(request) ?? null;
  }
}
